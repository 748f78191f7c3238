/** Patching between two texts; loaded when somebody asks. */
import { type Model, type PatchOptions, patchActivations, patchingReport, type Report } from '../../../../src/web.ts';

export const patching = async (model: Model, options: PatchOptions): Promise<Report> =>
  patchingReport(await patchActivations(model, options), []);
