/** The entry point for Node: models from folders, shipped models, and models from the Hugging Face hub. */
import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LOAD_OPTIONS, type LoadOptions, Model } from './api/model.ts';
import { explainedByLimit } from './backends/wasm/address-space.ts';
import { type BackendDescription, describePlatform } from './backends/wasm/describe.ts';
import { createWasmBackend, defaultThreads, MAX_TENSOR_BYTES } from './backends/wasm/index.ts';
import { nodePlatform } from './backends/wasm/platform-node.ts';
import { quote, UsageError } from './base/errors.ts';
import { localFolder } from './checkpoint/folder-node.ts';
import type { SavedFile } from './checkpoint/save.ts';
import { checkNewFolder, writeFolderWhole } from './checkpoint/save-node.ts';
import type { Folder } from './checkpoint/source.ts';
import { HUB_OPTIONS, type HubOptions } from './hub/hub-node.ts';
import { OPEN_OPTIONS, type OpenedModel, type OpenOptions, openModel, openTokenizer } from './loader/open.ts';
import { type OriginalWeights, openOriginal } from './loader/original.ts';
import { checkRounds, type RoundedPart, roundingErrors } from './loader/rounding.ts';
import { openFromHub, usualTokenizerOf } from './loader/usual-tokenizer.ts';
import { checkAdapterFits } from './node/adapters-node.ts';
import { checkFits, checkTrainingFits, weightBudget } from './node/fits-node.ts';
import { locateAdapter } from './node/locate-adapter-node.ts';
import { locate } from './node/locate-node.ts';
import { memoryFacts, usableBytes } from './node/memory-node.ts';
import {
  chosenTemplate,
  type ModelToServe,
  type RunningServer,
  type ServeOptions,
  serveModels,
} from './node/server/serve-node.ts';
import { exportRun } from './node/training/export-node.ts';
import type { SessionOptions, TrainTools } from './node/training/session-node.ts';
import { type TrainOptions, type TrainResult, trainRun } from './node/training/train-node.ts';
import { libraryVersion } from './node/version-node.ts';
import { checkOptions, pickOptions } from './options/check.ts';
import { call, jsonObject, kinds, type OptionsOf, option } from './options/option.ts';
import type { Tokenizer } from './tokenizer/tokenizer.ts';
import type { TrainingOptions } from './training/config.ts';

export { ADDRESS_SPACE_ADVICE } from './backends/wasm/address-space.ts';
export type { BackendDescription } from './backends/wasm/describe.ts';
export { enableEngineFeatures } from './backends/wasm/engine-node.ts';
export { localFolder } from './checkpoint/folder-node.ts';
export { type WriteOptions, writeFileWhole } from './checkpoint/output-node.ts';
export { checkOutputFile } from './checkpoint/output-place-node.ts';
export { checkNewFolder, saveTensors } from './checkpoint/save-node.ts';
export { refused as describeWriteError } from './checkpoint/write-errors.ts';
export { type FileDataContext, prepareData, tokensDirectory } from './data/prepare-node.ts';
export { type CachedTokens, listTokens, removeTokens, type TokenCacheOptions } from './data/token-cache-node.ts';
export type { TokenizeLimits, TokenizeProgress } from './data/tokenize-node.ts';
export * from './hub/cache-node.ts';
export { describeHub, type HubDescription } from './hub/describe-node.ts';
export { download, type HubOptions, hubReference, snapshot } from './hub/hub-node.ts';
export * from './index.ts';
export type { RoundedPart } from './loader/rounding.ts';
export * from './node/adapters-node.ts';
export { dataContext } from './node/data-node.ts';
export {
  type BatchOptions,
  type BatchResult,
  generateFile,
  type PromptRow,
  readPrompts,
} from './node/evaluation/batch-node.ts';
export {
  type Evaluated,
  type EvaluateOptions,
  type EvaluateTasksOptions,
  type EvaluationProgress,
  evaluate,
  evaluatePrepared,
  type FailedRequest,
} from './node/evaluation/evaluate-node.ts';
export {
  type ListedTask,
  listTasks,
  type OpenedEvaluation,
  type PrepareEvaluationOptions,
  prepareEvaluation,
} from './node/evaluation/prepare-node.ts';
export { checkOutput } from './node/evaluation/run-node.ts';
export {
  checkSavedState,
  checkVectorFile,
  describeState,
  loadState,
  loadTensors,
  readInterventions,
  saveReport,
  saveState,
  saveVectors,
} from './node/files-node.ts';
export { locateAdapter } from './node/locate-adapter-node.ts';
export { type MemoryFacts, memoryFacts, usableBytes } from './node/memory-node.ts';
export {
  type PlaygroundOptions,
  type RunningPlayground,
  servePlayground,
} from './node/playground/serve-playground-node.ts';
export { type WrittenPlayground, writePlayground } from './node/playground/write-playground-node.ts';
export { checkQueue } from './node/queue/check-queue-node.ts';
export { QUEUE_OPTIONS, type QueueOptions, WORKER_OPTIONS, type WorkerOptions } from './node/queue/options-node.ts';
export { type ServeQueueOptions, serveQueue } from './node/queue/serve-queue-node.ts';
export { checkInterventionsOutput, saveInterventions, vectorsBeside } from './node/save-interventions-node.ts';
export { senseTables, tablesDirectory } from './node/sense-tables-node.ts';
export { openRequestLog } from './node/server/request-log-node.ts';
export type { ModelToServe, RunningServer, ServeOptions } from './node/server/serve-node.ts';
export { shippedModelNames } from './node/shipped-node.ts';
export { type RunHistory, readRun } from './node/training/plot-node.ts';
export type { StepReport, TrainOptions, TrainResult } from './node/training/train-node.ts';
export type { StateDescription } from './runtime/state-file.ts';
export type { RequestRecord } from './server/handler.ts';
export { SERVER_OPTIONS, type ServerOptions } from './server/options.ts';

const { tokenizerFolder: _, maxTensorBytes: __, ...openOptions } = OPEN_OPTIONS;

export const PRETRAINED_OPTIONS = {
  ...openOptions,
  ...LOAD_OPTIONS,
  /**
   * Memory limit in bytes, instead of that of the machine or container. `auto` chooses a format that fits; a model that does not fit is
   * refused.
   */
  memoryBytes: option(kinds.bytes, 'memory to count with (default: what machine and container allow)'),
  /** Number of compute threads; default: all cores, at most 8. */
  threads: option(kinds.fromOne, 'threads that compute (default: all cores, at most 8)'),
  /** False: the same bits in every engine, a little slower where relaxed SIMD is available. Default: use it where available. */
  relaxedSimd: kinds.flag,
  /** Branch, tag or commit on the hub. */
  revision: HUB_OPTIONS.revision,
  /** Path or hub id of the tokenizer, when it is not with the weights. */
  tokenizer: option(kinds.text, 'folder or hub id of the tokenizer, when it is not with the weights'),
  /** False: read only the headers of weights on the hub, without downloading them, to describe a model. Default true. */
  downloadWeights: kinds.flag,
  /** Other options of the hub: cache folder, token, endpoint. */
  hub: jsonObject<HubOptions>(),
};

export interface PretrainedOptions
  extends Omit<OpenOptions, 'tokenizerFolder' | 'memoryBytes' | 'maxTensorBytes'>,
    LoadOptions,
    OptionsOf<typeof PRETRAINED_OPTIONS> {}

/** Throws UsageError when this cannot be the name of a model, and on unknown options. */
function checkPretrained(who: string, reference: unknown, options: PretrainedOptions): void {
  if (typeof reference !== 'string' && !(reference instanceof URL))
    throw new UsageError(
      `${who} got ${quote(reference)} for a model, wanted a folder, a hub id or the name of a shipped one.`,
    );
  checkOptions(who, options, PRETRAINED_OPTIONS);
  checkOptions(`hub of ${who}`, options?.hub, HUB_OPTIONS);
}

/** Default number of compute threads. */
export const DEFAULT_THREADS = defaultThreads(nodePlatform);

/** Features of this machine and this Node, and the kernels that would be chosen. */
export function describeBackend(): BackendDescription {
  return describePlatform(nodePlatform);
}

/**
 * Loads a model: a folder (its path or file: URL), the name of a shipped model, or a hub id such as
 * `ibm-granite/granite-3.1-1b-a400m-base`, also with `@revision` or as the address of its page. Throws UsageError when there is no such
 * model, CheckpointError when its files are damaged or not supported, FetchError when a download fails.
 */
export async function fromPretrained(reference: string | URL, options: PretrainedOptions = {}): Promise<Model> {
  checkPretrained('fromPretrained', reference, options);
  return loadOpened(await openPretrained(reference, options), options);
}

/** As fromPretrained, but reads no weights yet: config, headers and tokenizer only. */
export async function openPretrained(reference: string | URL, options: PretrainedOptions = {}): Promise<OpenedModel> {
  checkPretrained('openPretrained', reference, options);
  const { memoryBytes = usableBytes(), threads = DEFAULT_THREADS } = options;
  const limits = { maxTensorBytes: MAX_TENSOR_BYTES, memoryBytes: weightBudget(memoryBytes, threads) };
  const open = { ...pickOptions(options, openOptions), ...limits };
  const other = { ...options, revision: undefined }; // it belongs to the model's repository
  const { folder, source } = await locate(String(reference), options);
  const named = options.tokenizer === undefined ? undefined : await tokenizerFolderOf(options.tokenizer, other);
  const all = { ...open, tokenizerFolder: named };
  return source === 'hub' ? openFromHub(folder, all, (id) => tokenizerFolderOf(id, other)) : openModel(folder, all);
}

/**
 * The weights that a ternary model was made from, for ternaryDistance: a folder, or a hub id. Throws UsageError when there is no such model or its
 * weights are packed, CheckpointError when none of its matrices is one of the ternary model's.
 */
export async function openOriginalWeights(
  reference: string | URL,
  ternary: OpenedModel,
  options: PretrainedOptions = {},
): Promise<OriginalWeights> {
  checkPretrained('openOriginalWeights', reference, options);
  const { folder } = await locate(String(reference), { ...options, revision: undefined });
  return openOriginal(folder, ternary, options.onWarning);
}

/** The second half of fromPretrained: reads the weights. Throws UsageError, before it takes memory, when they do not fit. */
export async function loadOpened(opened: OpenedModel, options: PretrainedOptions = {}): Promise<Model> {
  await orClose(opened, () => {
    checkOptions('loadOpened', options, PRETRAINED_OPTIONS);
    checkFits(opened, { ...options, threads: options.threads ?? DEFAULT_THREADS });
  });
  const { threads, relaxedSimd } = options;
  try {
    const backend = createWasmBackend({ platform: nodePlatform, threads, relaxedSimd });
    return await Model.load(opened, backend, pickOptions(options, LOAD_OPTIONS), localFolder);
  } catch (error) {
    throw explainedByLimit(error, memoryFacts().addressSpaceBytes);
  }
}

/** Closes an opened model when a check fails. */
async function orClose(opened: OpenedModel, check: () => void | Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    await opened.checkpoint.close();
    throw error;
  }
}

/**
 * Runs the training that a configuration describes (docs/training.md): reads the model and the data, trains, and writes checkpoints, metrics and the
 * trained model to the folder `out`. Throws UsageError on a wrong configuration, before weights are read; DivergedError when the loss is not
 * finite.
 */
export function train(config: TrainingOptions, options: TrainOptions & ComputeOptions = {}): Promise<TrainResult> {
  const { threads, relaxedSimd, memoryBytes, ...others } = options;
  return trainRun(trainTools({ threads, relaxedSimd, memoryBytes }), libraryVersion(), config, others);
}

const trainTools = (compute: ComputeOptions): TrainTools => ({
  open: (reference, open) =>
    openPretrained(reference, { ...open, ...compute, generationConfig: false } as PretrainedOptions),
  folderOf: (reference) => tokenizerFolderOf(reference, compute),
  load: (opened, load) => loadOpened(opened, { ...load, ...compute }),
  checkMemory: (bytes, onWarning) =>
    checkTrainingFits(bytes, {
      ...{ threads: compute.threads ?? DEFAULT_THREADS, onWarning },
      ...(compute.memoryBytes === undefined ? {} : { memoryBytes: compute.memoryBytes }),
    }),
});

/**
 * Writes the training that a configuration describes to a new folder, whole or not at all, for Python's trainers: the initial checkpoint, the rows of
 * token ids, `plan.json`, and `train.py` for transformers' Trainer. Throws UsageError for a run that these cannot follow.
 */
export function exportPlan(config: TrainingOptions, folder: string, options: SessionOptions = {}): Promise<void> {
  return exportRun(trainTools({}), config, folder, options);
}

export type ComputeOptions = Pick<PretrainedOptions, 'threads' | 'relaxedSimd' | 'memoryBytes'>;

const SAVE_OPTIONS = {
  maxShardBytes: option(kinds.bytes, 'bytes of one file of weights', 5e9),
  signal: kinds.signal,
  /** Bytes written so far. */
  onBytes: call<(bytes: number) => void>(),
};

export interface SaveModelOptions extends OptionsOf<typeof SAVE_OPTIONS> {}

/**
 * Writes a model as a checkpoint, complete or not at all. The reference implementations can load it, unless its weights are q8 or q4: only
 * this library reads these, and it loads them without conversion. Throws UsageError when the folder is not empty.
 */
export async function saveModel(model: Model, folder: string, options: SaveModelOptions = {}): Promise<void> {
  const { maxShardBytes, signal, onBytes } = checkOptions('saveModel', options, SAVE_OPTIONS);
  let written = 0;
  const watched = ({ name, bytes }: SavedFile): SavedFile => ({
    name,
    async *bytes() {
      for await (const piece of bytes()) {
        signal?.throwIfAborted();
        yield piece;
        written += piece.length;
        onBytes?.(written);
      }
    },
  });
  await writeFolderWhole(folder, (await model.files({ maxShardBytes })).map(watched));
}

export interface QuantizeOptions extends PretrainedOptions, Pick<SaveModelOptions, 'maxShardBytes' | 'onBytes'> {}

export interface Quantized {
  /** Bytes of the weight files, before and after. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** The weights that were rounded. */
  readonly parts: readonly RoundedPart[];
}

/**
 * Loads an opened model in the chosen format and saves it, complete or not at all. Throws UsageError, before weights are read, when the
 * folder is not empty, or the format changes nothing.
 */
export async function quantizeModel(
  opened: OpenedModel,
  folder: string,
  options: QuantizeOptions = {},
): Promise<Quantized> {
  const { maxShardBytes, onBytes, ...load } = options ?? {};
  await orClose(opened, async () => {
    checkOptions('quantizeModel', options, { ...PRETRAINED_OPTIONS, ...SAVE_OPTIONS });
    checkRounds(opened.plan);
    await checkNewFolder(folder, opened.plan.bytes);
  });
  const { onFilled, parts } = roundingErrors();
  const model = await loadOpened(opened, { ...load, onFilled });
  try {
    await saveModel(model, folder, { maxShardBytes, onBytes, signal: options.signal });
  } finally {
    await model.dispose();
  }
  const names = (await readdir(folder)).filter((name) => name.endsWith('.safetensors'));
  const sizes = names.map((name) => statSync(join(folder, name)).size);
  const sum = (bytes: readonly number[]) => bytes.reduce((all, some) => all + some, 0);
  return { bytesBefore: sum(opened.checkpoint.files.map(({ size }) => size)), bytesAfter: sum(sizes), parts: parts() };
}

/** Opens the tokenizer of a model, without its weights. Throws UsageError when it has none. */
export async function openTokenizerOf(reference: string, options: PretrainedOptions = {}): Promise<Tokenizer> {
  checkPretrained('openTokenizerOf', reference, options);
  const folder = await tokenizerFolderOf(reference, options);
  const own = await openTokenizer(folder, options.onWarning);
  const usual = own ? undefined : await usualTokenizerOf(folder);
  const other = { ...options, revision: undefined };
  const tokenizer = usual ? await openTokenizer(await tokenizerFolderOf(usual, other), options.onWarning) : own;
  if (!tokenizer) throw new UsageError(`${reference} has no tokenizer.json, and no vocab.json with merges.txt.`);
  return tokenizer;
}

/** A folder of a model whose weights are not needed. */
function tokenizerFolderOf(reference: string, options: PretrainedOptions): Promise<Folder> {
  return folderOf(reference, { ...options, downloadWeights: true, hub: { ...options.hub, weights: false } });
}

/** The folder with the files of a model, downloaded if necessary. */
export async function folderOf(reference: string, options: PretrainedOptions = {}): Promise<Folder> {
  return (await locate(reference, options)).folder;
}

/**
 * Serves models over HTTP (docs/serving.md). The server listens when all models and adapters were found, and loads them one after another: `ready` of
 * the result settles when all are loaded. `load`: how models are loaded. Throws UsageError when there is no such model, when it cannot listen there,
 * or a name stands for two models.
 */
export async function serve(options: ServeOptions, load: PretrainedOptions = {}): Promise<RunningServer> {
  const hub = { ...load.hub, onWarning: load.onWarning };
  const adapterFolder = (reference: string, signal: AbortSignal | undefined) =>
    locateAdapter(reference, { ...hub, signal });
  return serveModels(
    {
      adapterFolder,
      async check({ reference, adapters = {}, chatTemplate }, signal) {
        const opened = await openPretrained(reference, { ...load, signal, downloadWeights: false });
        try {
          for (const one of Object.values(adapters)) await checkAdapterFits(opened, await adapterFolder(one, signal));
          await chosenTemplate(opened, chatTemplate);
        } finally {
          await opened.checkpoint.close();
        }
      },
      load: ({ reference }: ModelToServe, onLoaded, signal) =>
        fromPretrained(reference, {
          ...load,
          signal,
          onProgress: (progress) => {
            onLoaded(progress.total ? progress.loaded / progress.total : 0);
            load.onProgress?.(progress);
          },
        }),
    },
    options,
  );
}
