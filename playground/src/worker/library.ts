/** What the page's worker has: functions of the library, and the page's own that need a model at hand. */
export {
  ablateExperts,
  activationErrors,
  attentionPatterns,
  attributeLogit,
  compare,
  effectiveAttention,
  expertLoad,
  fromPretrained,
  logitLens,
  logitSources,
  memorySpans,
  patchActivations,
  stateNorms,
  stepSizes,
  tokenExperts,
  transplantState,
  trySteering,
} from '../../../src/web.ts';
export { describeFiles, seenOf } from './about.ts';
export { adapterFiles, modelFiles } from './blobs.ts';
export { Branches } from './branches.ts';
export { changesOf } from './sense-changes.ts';
export { codesOf, distanceOf, sharesOf } from './ternary.ts';
