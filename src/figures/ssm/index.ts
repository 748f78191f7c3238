/** Reports on state space layers. */
export { effectiveAttentionReport } from './attention.ts';
export { logitSourcesReport } from './sources.ts';
export { transplantReport } from './transplant.ts';
export { normsReport, spansReport, stepsReport } from './values.ts';
