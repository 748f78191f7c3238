/** The entry for browsers and other places without files: models from URLs, from the hub, or from files that a user chose. */
import { createWasmBackend, MAX_TENSOR_BYTES } from './backends/wasm/index.ts';
import { webPlatform } from './backends/wasm/platform-web.ts';
import { httpFolder } from './checkpoint/folder-http.ts';
import type { Folder } from './checkpoint/source.ts';
import { quote, UsageError } from './errors.ts';
import { OPEN_KINDS, type OpenedModel, type OpenOptions, openModel } from './loader/open.ts';
import { LOAD_KINDS, type LoadOptions, Model } from './model.ts';
import { checkOptions, type Kinds, kinds, pickOptions } from './options.ts';

export { httpFolder } from './checkpoint/folder-http.ts';
export { memoryFolder } from './checkpoint/folder-memory.ts';
export * from './index.ts';

export interface PretrainedOptions extends Omit<OpenOptions, 'tokenizerFolder' | 'maxTensorBytes'>, LoadOptions {
  /** Threads that compute; default: all cores, at most 8, and 1 on pages that are not isolated. */
  readonly threads?: number | undefined;
  /** False gives the same bits in every engine, a little slower in those that have relaxed SIMD; default: where there is some. */
  readonly relaxedSimd?: boolean | undefined;
  /** Branch, tag or commit on the hub; default main. */
  readonly revision?: string | undefined;
  /** Where the tokenizer is, when it does not lie with the weights. */
  readonly tokenizer?: string | URL | Folder | undefined;
}

const { tokenizerFolder: _, maxTensorBytes: __, ...openKinds } = OPEN_KINDS;
const PRETRAINED_KINDS: Kinds<PretrainedOptions> = {
  ...openKinds,
  ...LOAD_KINDS,
  threads: kinds.fromOne,
  relaxedSimd: kinds.flag,
  revision: kinds.text,
  tokenizer: { wanted: 'a URL, a hub id or a folder', holds: isReference },
};

function isReference(value: unknown): boolean {
  return typeof value === 'string' || value instanceof URL || (typeof value === 'object' && !!value && 'open' in value);
}

/** Throws UsageError on what cannot be a model's address, and on options that are none. */
function checkPretrained(who: string, reference: unknown, options: PretrainedOptions): void {
  if (!isReference(reference))
    throw new UsageError(`${who} got ${quote(reference)} for a model, wanted a URL, a hub id or a folder.`);
  checkOptions(who, options, PRETRAINED_KINDS);
}

/**
 * Loads a model: the URL of a folder, a hub id such as `ibm-granite/granite-3.1-1b-a400m-base`, or a folder of files.
 * Throws CheckpointError when its files are not understood, FetchError when a download fails.
 */
export async function fromPretrained(
  reference: string | URL | Folder,
  options: PretrainedOptions = {},
): Promise<Model> {
  checkPretrained('fromPretrained', reference, options);
  const opened = await openPretrained(reference, options);
  const { threads, relaxedSimd } = options;
  const backend = createWasmBackend({ platform: webPlatform, threads, relaxedSimd });
  return Model.load(opened, backend, pickOptions(options, LOAD_KINDS));
}

/** As fromPretrained, but reads no weights yet: config, headers and tokenizer only. */
export async function openPretrained(
  reference: string | URL | Folder,
  options: PretrainedOptions = {},
): Promise<OpenedModel> {
  checkPretrained('openPretrained', reference, options);
  const { tokenizer, revision = 'main' } = options;
  const tokenizerFolder = tokenizer === undefined ? undefined : folderOf(tokenizer, 'main');
  const open = { ...pickOptions(options, openKinds), maxTensorBytes: MAX_TENSOR_BYTES };
  return openModel(folderOf(reference, revision), { ...open, tokenizerFolder });
}

/** A hub id is `org/name`; everything else is a URL, also one relative to the page. */
function folderOf(reference: string | URL | Folder, revision: string): Folder {
  if (typeof reference === 'object' && 'open' in reference) return reference;
  const text = String(reference);
  const isHubId = /^[\w.-]+\/[\w.-]+$/.test(text) && !text.startsWith('.');
  if (isHubId) return httpFolder(`https://huggingface.co/${text}/resolve/${encodeURIComponent(revision)}`);
  return httpFolder(new URL(text, globalThis.location?.href));
}
