/** Reports on mixtures of experts. */
export { expertAblationReport } from './ablation.ts';
export { modelsReport, textsReport } from './agreement.ts';
export { expertPairsReport, loadReport } from './load.ts';
export { routeReport, tokensReport } from './tokens.ts';
export { writesReport } from './writes.ts';
