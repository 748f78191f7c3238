/** State space layers: what they read, pass over and remember. */
export * from './attention.ts';
export { type StateNorms, stateNorms } from './norms.ts';
export { eachWeight, type ScanInput, ScanState, weightsAt } from './scan.ts';
export * from './sources.ts';
export * from './spans.ts';
export { type StepSizes, stepSizes } from './steps.ts';
export * from './transplant.ts';
export { SCAN_OPTIONS, type ScanOptions, type Scans, scansOf } from './values.ts';
