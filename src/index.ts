/**
 * Portmanteau: language models that are not plain transformers, from the authors' checkpoints, open to see and change.
 * This entry runs everywhere; Node's adds files, the hub and its cache, browsers' adds HTTP.
 */

export {
  ATTENTION_OPTIONS,
  type AttentionOptions,
  type AttentionPatterns,
  attentionPatterns,
  checkAttention,
  type HeadPattern,
  strongestSources,
} from './analysis/attention-patterns.ts';
export {
  ATTRIBUTION_OPTIONS,
  type AttributionOptions,
  attributeLogit,
  checkAttribution,
  type LogitAttribution,
  type LogitPart,
} from './analysis/attribution.ts';
export * from './analysis/experts/index.ts';
export {
  checkLens,
  LENS_OPTIONS,
  type LensOptions,
  type LensReading,
  type LensWord,
  type LogitLens,
  logitLens,
} from './analysis/logit-lens.ts';
export * from './analysis/ssm/index.ts';
export * from './analysis/ternary/index.ts';
export type { Word } from './analysis/words.ts';
export type { CapturedStep, CaptureStepsOptions } from './api/capture-steps.ts';
export type { Alternative, FinishReason, GenerationOptions, GenerationStep } from './api/generate.ts';
export {
  type CaptureOptions,
  type Completion,
  checkBeforeLoad,
  checkInterventions,
  checkStateContinues,
  Model,
  PROMPT_OPTIONS,
  type PromptOptions,
  SCORE_OPTIONS,
  type Score,
  type ScoredToken,
  type ScoreOptions,
} from './api/model.ts';
export {
  type EncodePromptOptions,
  encodeMore,
  encodePrompt,
  type Prompt,
  type Prompts,
  type TokenIds,
} from './api/prompt.ts';
export { type Window, type WindowOptions, type Windows, windowsOf } from './api/windows.ts';
export type { Backend } from './backends/backend.ts';
export type {} from './backends/environment.ts';
export { createReferenceBackend } from './backends/reference/index.ts';
export { CheckpointError, FetchError, NotFiniteError, ShapeError, UsageError } from './base/errors.ts';
export type { LoadedTensor } from './checkpoint/load-tensors.ts';
export type { Folder, Source } from './checkpoint/source.ts';
export { type CompareOptions, type Comparison, compare, comparedWindows } from './evaluate/compare.ts';
export { attentionReport } from './figures/attention.ts';
export { attributionReport } from './figures/attribution.ts';
export * from './figures/experts/index.ts';
export type { Axis, Bars, Figure, Heatmap, Lines, Report, Series, Table } from './figures/figure.ts';
export { lensReport } from './figures/lens.ts';
export { reportPage } from './figures/page.ts';
export * from './figures/ssm/index.ts';
export * from './figures/ternary/index.ts';
export { thinReport } from './figures/thin.ts';
export { tokenLabel } from './figures/token-label.ts';
export { KEY_VALUE_FORMATS, type KeyValueFormat } from './formats/key-values.ts';
export type { CapturedTensor } from './inspect/capture.ts';
export type { ProfileRow } from './inspect/timed.ts';
export { transformerLensName } from './inspect/transformer-lens.ts';
export type { InterventionsOption } from './interventions/compile.ts';
export type {
  ExpertIntervention,
  Intervention,
  InterventionFile,
  InterventionSet,
  Positions,
  SenseIntervention,
  SiteIntervention,
  StateIntervention,
  Strength,
  StrengthStep,
  Vector,
  VectorTensor,
  Where,
} from './interventions/intervention.ts';
export { Interventions } from './interventions/interventions.ts';
export { sequenceOf } from './interventions/sequence.ts';
export { describe, type ModelDescription } from './loader/describe.ts';
export type { LoadProgress } from './loader/fill.ts';
export { checkWeightFormat, WEIGHT_FORMATS, type WeightFormat } from './loader/formats.ts';
export type { TiedHead } from './loader/head.ts';
export { type OpenedModel, type OpenOptions, openModel } from './loader/open.ts';
export { type OriginalWeights, openOriginal } from './loader/original.ts';
export { type TernaryMatrix, ternaryMatrices } from './loader/ternary-matrices.ts';
export type { Parameter, ResidualStream, ResidualWrite, Site } from './models/model.ts';
export { PrefixCache, type PrefixCacheOptions } from './runtime/prefix-cache.ts';
export { type SavedState, State } from './runtime/state.ts';
export type { DefaultOptions, GenerationConfig, GenerationDefaults } from './sampler/generation-config.ts';
export type { SamplingOptions } from './sampler/sampler.ts';
export { createTokenizerFromFiles, type TokenizerFiles } from './tokenizer/older-files.ts';
export { promptIds } from './tokenizer/prompt.ts';
export { createTokenizer, type EncodeOptions, type TextStream, type Tokenizer } from './tokenizer/tokenizer.ts';
