/** The entry for Node: models from folders, from those that ship with this package, and from the Hugging Face hub. */
import { existsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type BackendDescription, describePlatform } from './backends/wasm/describe.ts';
import { createWasmBackend, defaultThreads } from './backends/wasm/index.ts';
import { nodePlatform } from './backends/wasm/platform-node.ts';
import { sourceOf } from './checkpoint/folder-memory.ts';
import { localFolder, openFile } from './checkpoint/folder-node.ts';
import { type LoadedTensor, readTensors } from './checkpoint/load-tensors.ts';
import type { SavedFile } from './checkpoint/save.ts';
import { checkNewFolder, writeFileWhole, writeFolderWhole } from './checkpoint/save-node.ts';
import type { Folder } from './checkpoint/source.ts';
import { UsageError } from './errors.ts';
import { type HubOptions, isRepoId, snapshot } from './hub/hub-node.ts';
import type { State } from './index.ts';
import { familyNameOf, type OpenedModel, type OpenOptions, openModel, openTokenizer } from './loader/open.ts';
import { checkRounds, type RoundedPart, roundingErrors } from './loader/rounding.ts';
import { type LoadOptions, Model } from './model.ts';
import { shippedModelFolder, shippedModelsText } from './shipped-node.ts';
import { readState, stateBytes } from './state-file.ts';
import type { Tokenizer } from './tokenizer/tokenizer.ts';

export type { BackendDescription } from './backends/wasm/describe.ts';
export { enableEngineFeatures } from './backends/wasm/engine-node.ts';
export { localFolder } from './checkpoint/folder-node.ts';
export { saveTensors } from './checkpoint/save-node.ts';
export * from './hub/cache-node.ts';
export { describeHub, type HubDescription } from './hub/describe-node.ts';
export { download, type HubOptions, snapshot } from './hub/hub-node.ts';
export * from './index.ts';
export type { RoundedPart } from './loader/rounding.ts';
export { shippedModelNames } from './shipped-node.ts';

export interface PretrainedOptions extends Omit<OpenOptions, 'tokenizerFolder'>, LoadOptions {
  /** Threads that compute; default: all cores, at most 8. */
  readonly threads?: number | undefined;
  /** False gives the same bits in every engine, a little slower in those that have relaxed SIMD; default: where there is some. */
  readonly relaxedSimd?: boolean | undefined;
  /** Branch, tag or commit on the hub. */
  readonly revision?: string | undefined;
  /** Path or hub id of the tokenizer, when it does not lie with the weights. */
  readonly tokenizer?: string | undefined;
  /** Everything else about the hub: cache folder, token, endpoint. */
  readonly hub?: HubOptions | undefined;
}

/** Share of the machine's memory that weights may take before `auto` keeps them at 16 bits. */
const WEIGHT_SHARE = 0.8;

/** The published Backpack comes without a tokenizer: its card loads GPT-2's. */
const TOKENIZER_OF: Readonly<Record<string, string>> = { backpack: 'openai-community/gpt2' };

/** Threads that compute unless it is said. */
export const DEFAULT_THREADS = defaultThreads(nodePlatform);

/** What this machine and this Node offer, and what would be chosen. */
export function describeBackend(): BackendDescription {
  return describePlatform(nodePlatform);
}

/**
 * Loads a model: a folder, the name of a shipped model, or a hub id such as `ibm-granite/granite-3.1-1b-a400m-base`.
 * Throws UsageError when there is no such model, CheckpointError when its files are not understood, FetchError when a download fails.
 */
export async function fromPretrained(reference: string, options: PretrainedOptions = {}): Promise<Model> {
  return loadOpened(await openPretrained(reference, options), options);
}

/** As fromPretrained, but reads no weights yet: config, headers and tokenizer only. */
export async function openPretrained(reference: string, options: PretrainedOptions = {}): Promise<OpenedModel> {
  const open = { memoryBytes: WEIGHT_SHARE * totalmem(), ...options };
  const other = { ...options, revision: undefined }; // of another repository
  const folder = await folderOf(reference, options);
  const named = options.tokenizer === undefined ? undefined : await tokenizerFolderOf(options.tokenizer, other);
  const opened = await openModel(folder, { ...open, tokenizerFolder: named });
  const usual = TOKENIZER_OF[opened.family];
  if (opened.tokenizer || !usual || existsSync(reference) || !isRepoId(reference)) return opened;
  const tokenizerFolder = await tokenizerFolderOf(usual, other).catch((error: Error) => {
    options.onWarning?.(`no tokenizer, so only token ids are understood: ${error.message}`);
  });
  if (!tokenizerFolder) return opened;
  await opened.checkpoint.close();
  return openModel(folder, { ...open, tokenizerFolder });
}

/** The second half of fromPretrained: reads the weights. */
export async function loadOpened(opened: OpenedModel, options: PretrainedOptions = {}): Promise<Model> {
  const { threads, relaxedSimd } = options;
  return Model.load(opened, createWasmBackend({ platform: nodePlatform, threads, relaxedSimd }), options);
}

export interface SaveModelOptions {
  readonly maxShardBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes written so far. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Writes a model as a checkpoint: all of it, or nothing. The reference implementations load it, unless weights are kept as q8 or q4: these
 * are for this library only, and load without conversion. Throws UsageError when the folder has something in it.
 */
export async function saveModel(model: Model, folder: string, options: SaveModelOptions = {}): Promise<void> {
  const { maxShardBytes, signal, onBytes } = options;
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
  /** Of the files of weights, before and after. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** The weights that were rounded. */
  readonly parts: readonly RoundedPart[];
}

/**
 * Loads an opened model in its format and saves it in that, whole or not at all. Throws UsageError, before weights are read, when the
 * folder has something in it, or the format changes nothing.
 */
export async function quantizeModel(
  opened: OpenedModel,
  folder: string,
  options: QuantizeOptions = {},
): Promise<Quantized> {
  try {
    checkRounds(opened.plan);
    await checkNewFolder(folder);
  } catch (error) {
    await opened.checkpoint.close();
    throw error;
  }
  const { onFilled, parts } = roundingErrors();
  const model = await loadOpened(opened, { ...options, onFilled });
  try {
    await saveModel(model, folder, options);
  } finally {
    await model.dispose();
  }
  const names = (await readdir(folder)).filter((name) => name.endsWith('.safetensors'));
  const sizes = names.map((name) => statSync(join(folder, name)).size);
  const sum = (bytes: readonly number[]) => bytes.reduce((all, some) => all + some, 0);
  return { bytesBefore: sum(opened.checkpoint.files.map(({ size }) => size)), bytesAfter: sum(sizes), parts: parts() };
}

/** Writes a state to a file: all of it, or nothing. Throws UsageError where nothing can be written. */
export async function saveState(model: Model, state: State, file: string): Promise<void> {
  await writeFileWhole(file, await stateBytes(model, state));
}

/** A state from a file that saveState wrote. Throws UsageError when there is none, CheckpointError when it is of another model. */
export async function loadState(model: Model, file: string): Promise<State> {
  const source = await localFolder(dirname(file)).open(basename(file));
  if (!source) throw new UsageError(`there is no file ${file}.`);
  try {
    return await readState(model, source);
  } finally {
    await source.close();
  }
}

/**
 * All tensors of a safetensors file by name, such as `capture --out` or saveTensors wrote; a file by its path, or its bytes. Throws UsageError when
 * there is no such file, CheckpointError when it is damaged or holds types other than F32, F16, BF16, I32, I8 and U8.
 */
export async function loadTensors(
  file: string | Uint8Array | Blob,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Map<string, LoadedTensor>> {
  const source = typeof file === 'string' ? await openFile(file) : sourceOf('the bytes', file);
  if (!source) throw new UsageError(`there is no file ${file}.`);
  return readTensors(source, options.signal);
}

/** The tokenizer of a model, without its weights. Throws UsageError when it has none. */
export async function openTokenizerOf(reference: string, options: PretrainedOptions = {}): Promise<Tokenizer> {
  const folder = await tokenizerFolderOf(reference, options);
  const own = await openTokenizer(folder, options.onWarning);
  const usual = own ? undefined : TOKENIZER_OF[(await familyNameOf(folder)) ?? ''];
  const other = { ...options, revision: undefined };
  const tokenizer = usual ? await openTokenizer(await tokenizerFolderOf(usual, other), options.onWarning) : own;
  if (!tokenizer) throw new UsageError(`${reference} has no tokenizer.json.`);
  return tokenizer;
}

/** A folder of which the weights are not wanted. */
function tokenizerFolderOf(reference: string, options: PretrainedOptions): Promise<Folder> {
  return folderOf(reference, { ...options, hub: { ...options.hub, weights: false } });
}

/** Where the files of a model are, downloaded if need be. */
export async function folderOf(
  reference: string,
  { revision, hub, signal, onWarning }: PretrainedOptions = {},
): Promise<Folder> {
  if (existsSync(reference) && statSync(reference).isDirectory()) return localFolder(reference);
  const shipped = shippedModelFolder(reference);
  if (shipped !== undefined) return localFolder(shipped);
  // models/nosuch looks like a hub id, but means a folder where there is a folder `models`.
  if (!isRepoId(reference) || existsSync(dirname(reference))) {
    const taken = isRepoId(reference) ? `, for there is a folder '${dirname(reference)}' here` : '';
    throw new UsageError(
      `'${reference}' is no folder, no hub id (org/name${taken}), and none of the shipped models: ${shippedModelsText()}.`,
    );
  }
  return localFolder(await snapshot(reference, { onWarning, ...hub, revision, signal }));
}
