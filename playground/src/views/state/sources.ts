/** Where the logit of a word comes from; loaded when somebody asks. */
import {
  type LogitSourcesOptions,
  logitSources,
  logitSourcesReport,
  type Model,
  type Report,
} from '../../../../src/web.ts';

export const sources = async (model: Model, text: string, options: LogitSourcesOptions): Promise<Report> =>
  logitSourcesReport(await logitSources(model, text, options), []);
