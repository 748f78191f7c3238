/** The entry point for browsers and other environments without files: models from URLs, from the hub, or from files that a user chose. */

import { LOAD_OPTIONS, type LoadOptions, Model } from './api/model.ts';
import { createWasmBackend, MAX_TENSOR_BYTES } from './backends/wasm/index.ts';
import { allowedByPolicy, webPlatform } from './backends/wasm/platform-web.ts';
import { FetchError, quote, UsageError } from './base/errors.ts';
import { pageAddress } from './base/page.ts';
import { type HttpFolderOptions, httpFile, httpFolder } from './checkpoint/folder-http.ts';
import { sourceOf } from './checkpoint/folder-memory.ts';
import { type LoadedTensor, readTensors } from './checkpoint/load-tensors.ts';
import type { Folder } from './checkpoint/source.ts';
import { authorizationOf, HUB_OPTIONS, type HubOptions } from './hub/options-web.ts';
import { filesAddress, HUB, type HubReference, hubReferenceOrAddress, oneRevision } from './hub/reference.ts';
import { checkFitsInto, megabytes } from './loader/fits.ts';
import { OPEN_OPTIONS, type OpenedModel, type OpenOptions, openModel } from './loader/open.ts';
import { openFromHub } from './loader/usual-tokenizer.ts';
import { checkOptions, pickOptions } from './options/check.ts';
import { jsonObject, kinds, type OptionsOf, option, ownKind } from './options/option.ts';

export { httpFolder } from './checkpoint/folder-http.ts';
export { memoryFolder } from './checkpoint/folder-memory.ts';
export type { HubOptions } from './hub/options-web.ts';
export { StorageFullError } from './hub/storage-full.ts';
export { type CachedModel, cachedModels, deleteCachedModel } from './hub/stored-models-web.ts';
export * from './index.ts';

const { tokenizerFolder: _, maxTensorBytes: __, ...openOptions } = OPEN_OPTIONS;

const PRETRAINED_OPTIONS = {
  ...openOptions,
  ...LOAD_OPTIONS,
  /** Number of compute threads; default: all cores, at most 8, and 1 on pages that are not cross-origin isolated. */
  threads: option(kinds.fromOne, 'threads that compute'),
  /** False: the same bits in every engine, a little slower where relaxed SIMD is available. Default: use it where available. */
  relaxedSimd: kinds.flag,
  /**
   * Address of the file `portmanteau/thread` on the page's own origin, for pages whose Content-Security-Policy forbids workers from blobs.
   * Default: a worker script that is part of the library.
   */
  workerUrl: ownKind<string | URL>('a URL', (value) => typeof value === 'string' || value instanceof URL),
  /** Branch, tag or commit on the hub; default main. */
  revision: option(kinds.text, 'branch, tag or commit on the hub'),
  /** Folder of the tokenizer, when it is not with the weights. */
  tokenizer: ownKind<string | URL | Folder>('a URL, a hub id or a folder', isReference),
  /** Models of the hub: token, progress of the download, whether they are stored. */
  hub: jsonObject<HubOptions>(),
};

export interface PretrainedOptions
  extends Omit<OpenOptions, 'tokenizerFolder' | 'maxTensorBytes'>,
    LoadOptions,
    OptionsOf<typeof PRETRAINED_OPTIONS> {}

function isReference(value: unknown): boolean {
  return typeof value === 'string' || value instanceof URL || (typeof value === 'object' && !!value && 'open' in value);
}

/** Throws UsageError when this cannot be the address of a model, and on unknown options. */
function checkPretrained(who: string, reference: unknown, options: PretrainedOptions): void {
  if (!isReference(reference))
    throw new UsageError(`${who} got ${quote(reference)} for a model, wanted a URL, a hub id or a folder.`);
  checkOptions(who, options, PRETRAINED_OPTIONS);
  checkOptions(`hub of ${who}`, options?.hub, HUB_OPTIONS);
}

/**
 * Loads a model: the URL of a folder, a hub id such as `ibm-granite/granite-3.1-1b-a400m-base`, or a folder of files. Throws
 * CheckpointError when its files are damaged or not supported, FetchError when a download fails.
 */
export async function fromPretrained(
  reference: string | URL | Folder,
  options: PretrainedOptions = {},
): Promise<Model> {
  checkPretrained('fromPretrained', reference, options);
  const opened = await openPretrained(reference, options);
  const { threads, relaxedSimd, workerUrl } = options;
  try {
    checkMemory(opened, options);
  } catch (error) {
    await opened.checkpoint.close();
    throw error;
  }
  const backend = createWasmBackend({ platform: webPlatform(workerUrl), threads, relaxedSimd });
  return Model.load(opened, allowedByPolicy(backend), pickOptions(options, LOAD_OPTIONS), (address) =>
    folderOf(address),
  );
}

/** From here on browsers tell no more: the memory may be any. */
const MOST_TOLD_BYTES = 8 * 2 ** 30;

/** Throws ModelMemoryError when a model needs more than the option memoryBytes, or than the machine has where the browser tells so. */
function checkMemory(opened: OpenedModel, { threads = 1, keyValues, memoryBytes }: PretrainedOptions): void {
  const { deviceMemory = 8 } = (globalThis.navigator ?? {}) as { readonly deviceMemory?: number };
  const toldBytes = deviceMemory * 2 ** 30;
  const limit = memoryBytes ?? (toldBytes < MOST_TOLD_BYTES ? toldBytes : undefined);
  if (limit === undefined) return;
  const size = megabytes(limit);
  checkFitsInto(opened, {
    ...{ threads, keyValues, memoryBytes: limit },
    reason: memoryBytes === undefined ? `this machine has ${size}` : `may take ${size} (memoryBytes)`,
    ask: 'weights: ',
    more: 'If more can be had, say how much: the option memoryBytes.',
  });
}

/** As fromPretrained, but reads no weights yet: config, headers and tokenizer only. */
export async function openPretrained(
  reference: string | URL | Folder,
  options: PretrainedOptions = {},
): Promise<OpenedModel> {
  checkPretrained('openPretrained', reference, options);
  const { tokenizer } = options;
  const others = { ...options, revision: undefined }; // it belongs to the model's repository
  try {
    const open = { ...pickOptions(options, openOptions), maxTensorBytes: MAX_TENSOR_BYTES };
    const folder = await storedOrRemote(reference, options, true);
    const tokenizerFolder = tokenizer === undefined ? undefined : await storedOrRemote(tokenizer, others, false);
    const all = { ...open, tokenizerFolder };
    const usual = (id: string) => storedOrRemote(id, others, false);
    return await (onHub(reference) ? openFromHub(folder, all, usual) : openModel(folder, all));
  } catch (error) {
    throw explained(reference, error);
  }
}

/**
 * All tensors of a safetensors file by name, such as `capture --out` wrote; a file by its URL, or its bytes. Throws FetchError when it cannot be
 * fetched, CheckpointError when it is damaged or holds types other than F32, F16, BF16, I32, I8 and U8.
 */
export async function loadTensors(
  file: string | URL | Uint8Array | Blob,
  options: HttpFolderOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<Map<string, LoadedTensor>> {
  const isUrl = typeof file === 'string' || file instanceof URL;
  const source = isUrl ? await httpFile(addressOf(file), options) : sourceOf('the bytes', file);
  return readTensors(source, options.signal);
}

const onHub = (reference: string | URL | Folder): HubReference | undefined =>
  typeof reference === 'object' && 'open' in reference ? undefined : hubReferenceOrAddress(String(reference));

/** Models of the hub are stored by the browser, where it can. `weights`: else only the tokenizer is wanted. */
async function storedOrRemote(
  reference: string | URL | Folder,
  { revision: given, hub, signal, onWarning }: PretrainedOptions,
  weights: boolean,
): Promise<Folder> {
  const found = onHub(reference);
  if (found) {
    const revision = oneRevision(String(reference), found.revision, given) ?? 'main';
    const { storedFolder } = await import('./hub/hub-web.ts'); // 6 kB compressed, which models of other places do not want
    const stored = await storedFolder({ repo: found.repo, revision, weights, signal, onWarning }, hub);
    if (stored) return stored;
  }
  return folderOf(reference, given, hub);
}

/** Everything that is not the name of a model on the hub is a URL, possibly relative to the page. */
function folderOf(reference: string | URL | Folder, given?: string, hub: HubOptions = {}): Folder {
  if (typeof reference === 'object' && 'open' in reference) return reference;
  const text = String(reference);
  const found = onHub(reference);
  if (found) {
    const revision = oneRevision(text, found.revision, given) ?? 'main';
    const headers = authorizationOf(hub.token);
    const address = filesAddress(found.repo, revision, hub.endpoint?.replace(/\/+$/, '') ?? HUB);
    return { ...httpFolder(address, { headers }), hint: () => readAsHubId(text) };
  }
  const folder = httpFolder(addressOf(text));
  return /^[\w-]+$/.test(text)
    ? { ...folder, hint: () => [readAsFolder(text), folder.hint?.()].filter(Boolean).join('; ') }
    : folder;
}

/** Resolves addresses relative to the page. */
function addressOf(text: string | URL): URL {
  const base = pageAddress();
  if (URL.canParse(text, base)) return new URL(text, base);
  const relative = base ? ', also one relative to this page' : '';
  throw new UsageError(
    `'${text}' is no address: wanted a URL${relative}, a hub id (org/name) for a model, or files (memoryFolder, httpFolder).`,
  );
}

const readAsHubId = (reference: string): string =>
  `'${reference}' was read as a hub id (org/name); the address of a folder begins with /, ./ or https:, as in './${reference}'`;

const readAsFolder = (reference: string): string =>
  `'${reference}' was read as a folder beside this page; the package ships no models to browsers: serve one, and give the address of its folder`;

/** Adds to the error for a name that the hub does not have what else may have been meant. */
function explained(reference: string | URL | Folder, error: unknown): unknown {
  if (typeof reference !== 'string' || !onHub(reference)) return error;
  if (!(error instanceof FetchError) || ![401, 404].includes(error.status ?? 0)) return error;
  return new FetchError(`${error.message} ${readAsHubId(reference)}.`, { cause: error, status: error.status });
}
