/** Downloads models from the Hugging Face hub into the cache that the Python tools also use. */
import { join } from 'node:path';
import { FetchError, UsageError } from '../base/errors.ts';
import { checkOptions } from '../options/check.ts';
import { call, kinds, type OptionsOf, option } from '../options/option.ts';
import type { Asked } from './advice.ts';
import { cachedIds, missingIn } from './cached-snapshot-node.ts';
import { cacheDirectory, hubEndpoint, hubToken, isOffline } from './environment-node.ts';
import { cachedCommit, type Store, sizeOf, snapshotFile, storeOf, writeRef } from './layout-node.ts';
import { listingAddress, listingOf, MAX_LISTING_BYTES } from './listing.ts';
import { checkRevision, fileNameProblem, isCommit } from './names.ts';
import { checkRoomFor, obtain } from './obtain-node.ts';
import { inParallel, type OnProgress, progressOver } from './progress.ts';
import { openRemote, type RemoteFile } from './ranges-node.ts';
import { filesAddress, oneRevision, requireReference } from './reference.ts';
import { getJson } from './request-node.ts';
import { RETRY_OPTIONS, type RetryOptions } from './retries.ts';
import { type Session, UnreachableError } from './session.ts';
import { describeFile, diskError, type Remote } from './transfer-node.ts';
import { wantedFiles, weightsOf } from './wanted-files.ts';

export { isRepoId } from './names.ts';
export { hubReference } from './reference.ts';

export const HUB_OPTIONS = {
  /** Folder of downloads. Default: that of the Python tool, see cacheDirectory. */
  cacheDir: kinds.text,
  /** Default: HF_TOKEN, or else the token stored by logging in. Empty: none. */
  token: kinds.text,
  /** Address of the hub. Default: HF_ENDPOINT, or else https://huggingface.co. */
  endpoint: kinds.text,
  /** Branch, tag, commit or `refs/pr/1`; default `main`. */
  revision: option(kinds.text, 'branch, tag or commit on the hub'),
  /** Aborts the download; the next call continues it. */
  signal: kinds.signal,
  /** Use the cache only. Default: HF_HUB_OFFLINE. */
  offline: kinds.flag,
  /** Called with the bytes of all files of the snapshot; `loaded` never decreases and ends at `total`. */
  onProgress: call<OnProgress>(),
  ...RETRY_OPTIONS,
  /** Called when the hub does not respond and the cache is used instead. */
  onWarning: call<(message: string) => void>(),
  /** Download the weights of a snapshot too; default true. False: only config and tokenizer. */
  weights: option(kinds.flag, 'fetch the weights of a snapshot too', true),
};

export interface HubOptions extends RetryOptions, OptionsOf<typeof HUB_OPTIONS> {}

interface Hub extends Session {
  readonly repo: string;
  readonly revision: string;
  readonly store: Store;
  readonly cacheDir: string;
  readonly offline: boolean;
  readonly onProgress: OnProgress | undefined;
  readonly onWarning: ((message: string) => void) | undefined;
}

const DOWNLOADS_AT_ONCE = 4;
/** How long to wait for the hub when the files are in the cache. */
const PATIENCE_MS = 10_000;

/**
 * Path of one file in the cache, downloaded if necessary. Throws UsageError for impossible names, or when offline without the file, and
 * FetchError.
 */
export async function download(repo: string, file: string, options: HubOptions = {}): Promise<string> {
  const hub = hubOf(repo, options);
  const problem = fileNameProblem(file);
  if (problem) throw new UsageError(`'${file}' cannot be a file of ${repo}: ${problem}.`);
  const known = await cachedCommit(hub.store, hub.revision);
  const path = known && snapshotFile(hub.store, known, file);
  const cached = path && (await sizeOf(path)) !== undefined ? path : undefined;
  if (cached && (hub.offline || isCommit(hub.revision))) return cached;
  if (hub.offline) throw await offlineError(hub, [file]);
  const remote = await orCached(cached, hub, (hub) => describe(hub, hub.revision, file));
  if (!remote) return cached!;
  const commit = isCommit(hub.revision) ? hub.revision : remote.commit;
  if (!isCommit(commit))
    throw new FetchError(`HEAD ${remote.url}: no X-Repo-Commit; is ${hub.endpoint} a hub (HF_ENDPOINT)?`);
  const shown = progressOver([[file, remote.bytes]], hub.onProgress);
  return writing(hub, async () => {
    // From the commit, not from the branch: that may move between two tries.
    const pinned = { ...remote, url: fileUrl(hub, commit, file) };
    const found = await obtain(hub, hub.store, commit, file, pinned, (bytes) => shown(file, bytes));
    await writeRef(hub.store, hub.revision, commit);
    return found;
  });
}

/**
 * Folder with the config, tokenizer and weights of a model, downloaded if necessary; other files of the repository are not. When the hub
 * does not respond and the cache has the complete revision, that is used. Throws UsageError for impossible names, or when offline without
 * the files, and FetchError.
 */
export async function snapshot(repo: string, options: HubOptions = {}): Promise<string> {
  const hub = hubOf(repo, options);
  const wantWeights = options.weights ?? true;
  const known = await cachedCommit(hub.store, hub.revision);
  const folder = known && join(hub.store.snapshots, known);
  const missing = folder ? await missingIn(folder, wantWeights) : ['every file'];
  const cached = missing.length === 0 ? folder : undefined;
  if (hub.offline && !cached) throw await offlineError(hub, missing);
  const listing = hub.offline ? undefined : await orCached(cached, hub, listFiles);
  if (!listing) return cached!;
  return writing(hub, async () => {
    await fetchAll(hub, listing.commit, listing.names, wantWeights);
    // Last, so that a branch points at what is whole.
    await writeRef(hub.store, hub.revision, listing.commit);
    return join(hub.store.snapshots, listing.commit);
  });
}

export interface OpenedSnapshot {
  /** Folder with config and tokenizer, and those weights that were in the cache. */
  readonly folder: string;
  /** The other weights, which are not downloaded. */
  readonly remote: ReadonlyMap<string, () => Promise<RemoteFile>>;
}

/** As snapshot, but weights that are not in the cache are not downloaded: they can be read by ranges. */
export async function openSnapshot(repo: string, options: HubOptions = {}): Promise<OpenedSnapshot> {
  const hub = hubOf(repo, options);
  const known = await cachedCommit(hub.store, hub.revision);
  const folder = known && join(hub.store.snapshots, known);
  const missing = folder ? await missingIn(folder, true) : ['every file'];
  const cached = missing.length === 0 ? folder : undefined;
  const remote = new Map<string, () => Promise<RemoteFile>>();
  if (cached && (hub.offline || isCommit(hub.revision))) return { folder: cached, remote };
  if (hub.offline) throw await offlineError(hub, missing);
  const listing = await orCached(cached, hub, listFiles);
  if (!listing) return { folder: cached!, remote };
  const { commit, names } = listing;
  // The branch stays where it is in the cache: what it points at there may be whole, and this is not.
  await writing(hub, () => fetchAll(hub, commit, names, false));
  for (const file of weightsOf(hub.repo, names)) {
    if ((await sizeOf(snapshotFile(hub.store, commit, file))) === undefined)
      remote.set(file, async () => openRemote(hub, await describe(hub, commit, file)));
  }
  return { folder: join(hub.store.snapshots, commit), remote };
}

function hubOf(reference: string, options: HubOptions): Hub {
  const { signal, retries, stallMs, backoffMs } = checkOptions('the hub', options, HUB_OPTIONS);
  const endpoint = hubEndpoint(options.endpoint);
  const { repo, revision: named } = requireReference(reference, endpoint);
  const revision = oneRevision(reference, named, options.revision) ?? 'main';
  checkRevision(revision);
  const cacheDir = options.cacheDir ?? cacheDirectory();
  return {
    repo,
    revision,
    signal,
    retries,
    stallMs,
    backoffMs,
    onProgress: options.onProgress,
    onWarning: options.onWarning,
    cacheDir,
    store: storeOf(cacheDir, repo),
    endpoint,
    token: hubToken(options.token),
    offline: isOffline(options.offline),
    contact: { made: false },
    onRetry: options.onWarning,
    again: 'run it again',
  };
}

/** The result of `ask`; undefined when the hub does not respond and the cache has what is needed. */
async function orCached<T>(
  cached: string | undefined,
  hub: Hub,
  ask: (hub: Hub) => Promise<T>,
): Promise<T | undefined> {
  if (!cached)
    return ask(hub).catch(async (error) => {
      throw error instanceof UnreachableError ? await unreachable(hub, error) : error;
    });
  try {
    return await ask({ ...hub, retries: 0, stallMs: Math.min(hub.stallMs, PATIENCE_MS) });
  } catch (error) {
    hub.signal?.throwIfAborted();
    // 404: this revision or file is no more; to go on with an old one would be a surprise.
    if (!(error instanceof FetchError) || error.status === 404) throw error;
    hub.onWarning?.(`${error.message} Using what the cache has: ${cached}`);
    return undefined;
  }
}

async function writing<T>(hub: Hub, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw diskError(error, hub.store.root);
  }
}

async function listFiles(hub: Hub): Promise<{ commit: string; names: string[] }> {
  const url = listingAddress(hub.endpoint, hub.repo, hub.revision);
  const { commit, files } = listingOf(await getJson(hub, url, askedOf(hub), MAX_LISTING_BYTES), url, hub.endpoint);
  return { commit, names: files.map(({ name }) => name) };
}

async function fetchAll(hub: Hub, commit: string, names: readonly string[], wantWeights: boolean): Promise<void> {
  const wanted = wantedFiles(names);
  const weights = wantWeights ? weightsOf(hub.repo, names) : [];
  const files = [...wanted.small, ...weights];
  const sizes = new Map<string, number>();
  const remotes = new Map<string, Remote>();
  await inParallel(files, DOWNLOADS_AT_ONCE, hub.signal, async (file, signal) => {
    const there = await sizeOf(snapshotFile(hub.store, commit, file)); // what belongs to a commit never changes
    if (there === undefined) remotes.set(file, await describe({ ...hub, signal }, commit, file));
    sizes.set(file, there ?? remotes.get(file)!.bytes);
  });
  const shown = progressOver([...sizes], hub.onProgress);
  for (const [file, bytes] of sizes) if (!remotes.has(file)) shown(file, bytes);
  await checkRoomFor(hub.store, remotes.values());
  for (const part of [wanted.small, weights])
    await inParallel(part, DOWNLOADS_AT_ONCE, hub.signal, async (file, signal) => {
      const remote = remotes.get(file);
      if (remote) await obtain({ ...hub, signal }, hub.store, commit, file, remote, (bytes) => shown(file, bytes));
    });
}

function describe(hub: Hub, revision: string, file: string): Promise<Remote> {
  return describeFile(hub, fileUrl(hub, revision, file), askedOf(hub, file));
}

function fileUrl({ endpoint, repo }: Hub, revision: string, file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/');
  return `${filesAddress(repo, revision, endpoint)}/${path}`;
}

function askedOf({ repo, revision, endpoint, token }: Hub, file?: string): Asked {
  return { repo, revision, file, endpoint, hasToken: token !== undefined };
}

async function unreachable(hub: Hub, error: FetchError): Promise<FetchError> {
  const { repo, revision } = hub;
  const there = await inCache(hub);
  return new UnreachableError(`${error.message} The cache does not have all of ${repo} at '${revision}'; ${there}`, {
    cause: error.cause, // its message is in this one
  });
}

/** Text on the models that can be used without the hub. */
async function inCache({ cacheDir, repo }: Hub): Promise<string> {
  const ids = await cachedIds(cacheDir);
  const alike = ids.filter((id) => id.endsWith(`/${repo}`)); // an old name, without its organisation
  if (alike.length > 0) return `the cache ${cacheDir} has ${alike.join(', ')}: did you mean that?`;
  if (ids.length === 0) return `the cache ${cacheDir} has no models.`;
  return `the cache ${cacheDir} has ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ", … ('cache ls')" : ''}.`;
}

async function offlineError(hub: Hub, missing: readonly string[]): Promise<UsageError> {
  const { repo, revision, store } = hub;
  return new UsageError(
    `requests to the hub are turned off (HF_HUB_OFFLINE or 'offline'), and the cache ${store.root} lacks ` +
      `${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ', …' : ''} of ${repo} at '${revision}': go online once and pull it; ${await inCache(hub)}`,
  );
}
