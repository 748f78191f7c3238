/** What changes when each expert is switched off in turn; loaded when somebody asks. */
import {
  ablateExperts,
  type ExpertAblationOptions,
  expertAblationReport,
  type Model,
  type Report,
} from '../../../../src/web.ts';

export const eachInTurn = async (model: Model, text: string, options: ExpertAblationOptions): Promise<Report> =>
  expertAblationReport(await ablateExperts(model, text, options), []);
