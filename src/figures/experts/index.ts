/** Reports on mixtures of experts. */
export { ablationReport } from './ablation.ts';
export { modelsReport, textsReport } from './agreement.ts';
export { loadReport, pairsReport } from './load.ts';
export { routeReport, tokensReport } from './tokens.ts';
export { writesReport } from './writes.ts';
