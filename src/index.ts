/**
 * Portmanteau: language models that are not plain transformers, from the authors' checkpoints, open to see and change.
 * This entry runs everywhere; Node's adds files, the hub and its cache, browsers' adds HTTP.
 */

export { Adapter } from './adapters/adapter.ts';
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
export type { Metric, MetricOptions } from './analysis/metric.ts';
export {
  ABLATE_OPTIONS,
  type AblatedPart,
  type AblateOptions,
  type Ablation,
  ablate,
  checkAblate,
} from './analysis/patching/ablate.ts';
export {
  checkPatch,
  PATCH_OPTIONS,
  type PatchedSite,
  type Patching,
  type PatchOptions,
  patchActivations,
} from './analysis/patching/patch.ts';
export { BIAS_OPTIONS, type Bias, type BiasOptions, usableData, type WordBias } from './analysis/senses/bias.ts';
export {
  DECOMPOSE_OPTIONS,
  type DecomposeOptions,
  type Decomposition,
  positionIn,
} from './analysis/senses/decompose.ts';
export { joinEdits, type KnowledgeEdit, type SenseEdit } from './analysis/senses/edit.ts';
export {
  checkSenses,
  LOOKUP_OPTIONS,
  type Lookup,
  type LookupOptions,
  type ScoredPiece,
  type SenseReading,
} from './analysis/senses/lookup.ts';
export type { TableCache } from './analysis/senses/maxima.ts';
export { NEAREST_OPTIONS, type Nearest, type NearestOptions, type Neighbour } from './analysis/senses/nearest.ts';
export { type BiasData, OCCUPATIONS } from './analysis/senses/occupations.ts';
export { PAIR_OPTIONS, type PairOptions, type PairScores } from './analysis/senses/pair-scores.ts';
export { spearman } from './analysis/senses/rank-correlation.ts';
export type { Senses } from './analysis/senses/senses.ts';
export {
  SIMILARITIES,
  type Similarities,
  type SimilarityBy,
  type SimilarityName,
} from './analysis/senses/similarity.ts';
export type { WorkProgress } from './analysis/senses/source.ts';
export { TOPIC_OPTIONS, type TopicControl, type TopicOptions, topicTargets } from './analysis/senses/topic.ts';
export { TOPIC_STRENGTHS, type TopicStrength } from './analysis/senses/topic-weights.ts';
export { type EncodedWord, encodeWord } from './analysis/senses/word.ts';
export { readWordPairs, type WordPair } from './analysis/senses/word-pairs.ts';
export * from './analysis/ssm/index.ts';
export {
  checkMeans,
  MEAN_OPTIONS,
  type MeanOptions,
  type MeanVectors,
  meanNotes,
  meanVectors,
} from './analysis/steering/means.ts';
export type { Places } from './analysis/steering/places.ts';
export {
  checkTry,
  type SteeredTry,
  type SteeringTrial,
  TRY_OPTIONS,
  type TryOptions,
  trySteering,
} from './analysis/steering/try.ts';
export {
  checkSteering,
  STEERING_OPTIONS,
  type SteeringOptions,
  type SteeringSite,
  type SteeringVectors,
  steeringNotes,
  steeringVectors,
} from './analysis/steering/vectors.ts';
export * from './analysis/ternary/index.ts';
export type { Word, WordOption } from './analysis/words.ts';
export { checkBeforeLoad, checkInterventions, checkStateContinues } from './api/before-load.ts';
export type { CaptureOptions } from './api/capture.ts';
export type { CapturedStep, CaptureStepsOptions } from './api/capture-steps.ts';
export { generateOnTopic } from './api/generate-on-topic.ts';
export { PROMPT_OPTIONS, type PromptOptions } from './api/generation-call.ts';
export type { Alternative, FinishReason, GenerationOptions, GenerationStep } from './api/generation-options.ts';
export {
  CHAT_OPTIONS,
  type ChatOptions,
  type ChatPrompt,
  checkMessages,
  type PromptOrChat,
  type PromptsOrChats,
  type RenderedChat,
  renderChat,
  templateOf,
} from './api/messages.ts';
export { type Completion, Model } from './api/model.ts';
export type { ModelTrainer, ModelTrainingOptions, SampledStep } from './api/model-trainer.ts';
export {
  type EncodePromptOptions,
  encodeMore,
  encodePrompt,
  type Prompt,
  type Prompts,
  type TokenIds,
} from './api/prompt.ts';
export { checkReadoutInterventions } from './api/readout.ts';
export { SCORE_OPTIONS, type Score, type ScoredToken, type ScoreOptions } from './api/score.ts';
export { checkHasSenses } from './api/sense-source.ts';
export type { TrainingSample } from './api/training-samples.ts';
export { type Window, type WindowOptions, type Windows, windowsOf } from './api/windows.ts';
export { checkWritable, writeSenses } from './api/write-senses.ts';
export type { Backend } from './backends/backend.ts';
export type {} from './backends/environment.ts';
export { createReferenceBackend } from './backends/reference/index.ts';
export {
  CheckpointError,
  FetchError,
  ModelMemoryError,
  NotFiniteError,
  ShapeError,
  UsageError,
} from './base/errors.ts';
export { ChatSession } from './chat/session.ts';
export { templateMessages } from './chat/template-messages.ts';
export {
  type ParsedAnswer,
  parseToolCalls,
  type ToolCall,
  ToolCallStream,
  textWithMarkers,
} from './chat/tool-calls.ts';
export type { LoadedTensor } from './checkpoint/load-tensors.ts';
export type { Folder, Source } from './checkpoint/source.ts';
export { type Batch, type BatchesOptions, TrainingRows } from './data/batches.ts';
export { checkData, DATA_OPTIONS, type DataOptions } from './data/options.ts';
export { type DataContext, prepareMemory } from './data/prepare.ts';
export type { PreparedData } from './data/prepared.ts';
export type { RowSource, TrainingRow } from './data/row.ts';
export { type CompareOptions, type Comparison, compare, comparedWindows } from './evaluate/compare.ts';
export { type Answered, answerRequests } from './evaluation/answer/answer.ts';
export { ANSWER_OPTIONS, type AnswerOptions } from './evaluation/answer/options.ts';
export { type ComparedMetric, compareSamples, type Sample } from './evaluation/compare/compare.ts';
export { EVALUATION_OPTIONS, type EvaluationOptions } from './evaluation/options.ts';
export type {
  EvaluationOutput,
  EvaluationResults,
  PreparedEvaluation,
  PreparedTask,
  RunFacts,
} from './evaluation/prepared.ts';
export type { EvaluationAnswer, EvaluationRequest } from './evaluation/requests.ts';
export type { RunningMean } from './evaluation/running.ts';
export { attentionReport } from './figures/attention.ts';
export { attributionReport } from './figures/attribution.ts';
export { comparisonReport } from './figures/comparison.ts';
export * from './figures/experts/index.ts';
export type { Axis, Bars, Figure, Heatmap, Lines, Report, Series, Table } from './figures/figure.ts';
export { lensReport } from './figures/lens.ts';
export { reportPage } from './figures/page.ts';
export { ablationReport, patchingReport } from './figures/patching.ts';
export { biasReport } from './figures/sense-bias.ts';
export {
  decompositionReport,
  lookupReport,
  nearestReport,
  pairsReport,
  similarityReport,
} from './figures/senses.ts';
export * from './figures/ssm/index.ts';
export { trialReport, vectorsReport } from './figures/steering.ts';
export * from './figures/ternary/index.ts';
export { thinReport } from './figures/thin.ts';
export { tokenLabel } from './figures/token-label.ts';
export * from './figures/training/index.ts';
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
export { bothTraces } from './interventions/provenance.ts';
export { sequenceOf } from './interventions/sequence.ts';
export { openChatTemplate } from './loader/chat-template.ts';
export { describe, type ModelDescription } from './loader/describe.ts';
export type { LoadProgress } from './loader/fill.ts';
export { checkWeightFormat, WEIGHT_FORMATS, type WeightFormat } from './loader/formats.ts';
export type { TiedHead } from './loader/head.ts';
export { type OpenedModel, type OpenOptions, openModel } from './loader/open.ts';
export { type OriginalWeights, openOriginal } from './loader/original.ts';
export { type TernaryMatrix, ternaryMatrices } from './loader/ternary-matrices.ts';
export type { Parameter, ResidualStream, ResidualWrite, Site } from './models/model.ts';
export type { EvaluationPreset, PublishedNumbers } from './recipes/cards/preset.ts';
export { presetNamed, presets } from './recipes/cards/presets.ts';
export { recipeNamed, recipes } from './recipes/index.ts';
export type { Certainty, Recipe, SourceOfKeys } from './recipes/recipe.ts';
export { PrefixCache, type PrefixCacheOptions } from './runtime/prefix-cache.ts';
export { type SavedState, State } from './runtime/state.ts';
export type { DefaultOptions, GenerationConfig, GenerationDefaults } from './sampler/generation-config.ts';
export type { SequenceMask, TokenMask } from './sampler/mask.ts';
export type { SamplingOptions } from './sampler/sampler.ts';
export {
  QueueFullError,
  SchedulerClosedError,
  StateBusyError,
  StateMemoryError,
} from './scheduler/errors.ts';
export { SCHEDULER_OPTIONS, type SchedulerOptions, type StepReport } from './scheduler/options.ts';
export { Scheduler } from './scheduler/scheduler.ts';
export type { SchedulerStats } from './scheduler/stats.ts';
export { jsonMask, jsonSchemaMask, prepareMasks, regexMask } from './structured/masks.ts';
export type { JsonSchema } from './structured/schema.ts';
export {
  type ChatMessage,
  type ChatTemplate,
  type ChatText,
  createChatTemplate,
  type NamedTemplates,
  type RenderOptions,
  type Span,
} from './tokenizer/chat-template.ts';
export { createTokenizerFromFiles, type TokenizerFiles } from './tokenizer/older-files.ts';
export { promptIds } from './tokenizer/prompt.ts';
export { createTokenizer, type EncodeOptions, type TextStream, type Tokenizer } from './tokenizer/tokenizer.ts';
export { parseTrainingConfig, type TrainingConfig, type TrainingOptions, trainingConfig } from './training/config.ts';
export { DivergedError } from './training/diverged.ts';
export { type ExportOptions, exportedFiles } from './training/export/export-plan.ts';
export { type NewModel, type NewModelOptions, newModel } from './training/initialize/new-model.ts';
export type { PlannedMemory } from './training/plan/memory.ts';
export type { PlannedGroup, PlannedParameters } from './training/plan/parameters.ts';
export {
  type Hardware,
  type PlannedFlops,
  type PlannedStage,
  type PlannedTime,
  type PlanOptions,
  planOf,
  type TrainingPlan,
} from './training/plan/plan.ts';
export type { ScheduleRow } from './training/plan/schedule-table.ts';
export { withSettings } from './training/settings.ts';
export type { TrainStep } from './training/trainer.ts';
