/** The cache of downloads: lists, removes and verifies models. */
import { type Dirent, promises as fs } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { checksumProblem, isChecksum } from './blob-checksum-node.ts';
import { cachedIds } from './cached-snapshot-node.ts';
import { cacheDirectory } from './environment-node.ts';
import { cachedCommit, type Store, storeOf } from './layout-node.ts';
import { checkRevision } from './names.ts';

export { cacheDirectory } from './environment-node.ts';

export interface CacheOptions {
  readonly cacheDir?: string | undefined;
}

export interface CachedModel {
  /** Hub id. */
  readonly id: string;
  /** Bytes on the disk, including unfinished downloads. */
  readonly bytes: number;
  /** Commits. */
  readonly revisions: string[];
}

export interface VerifiedFile {
  /** Path of the file in its snapshot. */
  readonly file: string;
  /** Name of its blob; empty when the snapshot contains the file itself. */
  readonly blob: string;
  readonly ok: boolean;
  /** What is wrong, or why the file could not be compared. */
  readonly problem?: string;
}

/** Models in the cache, sorted by id. */
export async function listCache({ cacheDir = cacheDirectory() }: CacheOptions = {}): Promise<CachedModel[]> {
  const models: CachedModel[] = [];
  for (const id of await cachedIds(cacheDir)) {
    const store = storeOf(cacheDir, id);
    models.push({ id, bytes: await bytesBelow(store.root), revisions: await revisionsOf(store) });
  }
  return models;
}

/**
 * Removes a model, or one revision of it with the blobs that no other revision needs.
 * Throws UsageError when the cache has no such model or revision.
 */
export async function removeCached(
  id: string,
  { revision, cacheDir = cacheDirectory() }: CacheOptions & { readonly revision?: string | undefined } = {},
): Promise<{ freedBytes: number }> {
  // Looked up among what is there, so that no id can lead out of the cache.
  if (!(await cachedIds(cacheDir)).includes(id))
    throw new UsageError(`the cache ${cacheDir} has no '${id}'; see 'cache ls'.`);
  const store = storeOf(cacheDir, id);
  const before = await bytesBelow(store.root);
  if (revision === undefined) await removeModel(store);
  else await removeRevision(store, id, revision);
  return { freedBytes: before - (await bytesBelow(store.root)) };
}

/** Reads every file of a model, or of all, and compares it with its checksum; what two revisions share is read once. */
export async function* verifyCached(
  id?: string,
  { signal, cacheDir = cacheDirectory() }: CacheOptions & { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<VerifiedFile> {
  const known = new Map<string, string | undefined>();
  for (const model of await cachedIds(cacheDir)) {
    if (id !== undefined && model !== id) continue;
    const { snapshots } = storeOf(cacheDir, model);
    for (const file of await entriesBelow(snapshots)) {
      signal?.throwIfAborted();
      const target = await blobOf(file);
      if (target === undefined) {
        yield { file, blob: '', ok: true, problem: 'a copy without a checksum' };
        continue;
      }
      if (!known.has(target)) known.set(target, await problemOf(target, signal));
      const problem = known.get(target);
      const blob = basename(target);
      if (problem) yield { file, blob, ok: false, problem };
      else if (isChecksum(blob)) yield { file, blob, ok: true };
      else yield { file, blob, ok: true, problem: 'the name of its blob is no checksum' };
    }
  }
}

async function removeModel(store: Store): Promise<void> {
  await fs.rm(store.root, { recursive: true, force: true });
  await fs.rm(store.locks, { recursive: true, force: true });
}

async function removeRevision(store: Store, id: string, revision: string): Promise<void> {
  checkRevision(revision);
  const commit = await cachedCommit(store, revision);
  const commits = await revisionsOf(store);
  if (!commit || !commits.includes(commit))
    throw new UsageError(`the cache has no revision '${revision}' of ${id}; it has ${commits.join(', ') || 'none'}.`);
  if (commits.length === 1) return removeModel(store);
  const doomed = await blobsOf(join(store.snapshots, commit));
  for (const other of commits)
    if (other !== commit) for (const blob of await blobsOf(join(store.snapshots, other))) doomed.delete(blob);
  for (const ref of await entriesBelow(store.refs))
    if ((await fs.readFile(ref, 'utf8').catch(() => '')).trim() === commit) await fs.rm(ref, { force: true });
  await fs.rm(join(store.snapshots, commit), { recursive: true, force: true });
  // A link may point anywhere; only files among the blobs may be removed.
  for (const blob of doomed) if (dirname(blob) === resolve(store.blobs)) await fs.rm(blob, { force: true });
}

async function revisionsOf(store: Store): Promise<string[]> {
  const entries = await readFolder(store.snapshots);
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** The target of a link, or undefined when the file is not a link. */
async function blobOf(file: string): Promise<string | undefined> {
  const target = await fs.readlink(file).catch(() => undefined);
  return target === undefined ? undefined : resolve(dirname(file), target);
}

async function blobsOf(snapshot: string): Promise<Set<string>> {
  const targets = await Promise.all((await entriesBelow(snapshot)).map(blobOf));
  return new Set(targets.filter((target) => target !== undefined));
}

async function problemOf(blob: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    return await checksumProblem(blob, basename(blob), signal);
  } catch (error) {
    signal?.throwIfAborted();
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'its blob is missing' : `it cannot be read: ${message}`;
  }
}

/** Bytes of all files in a folder; links are not counted. */
async function bytesBelow(folder: string): Promise<number> {
  let sum = 0;
  for (const path of await entriesBelow(folder)) {
    const found = await fs.lstat(path).catch(() => undefined);
    if (found?.isFile()) sum += found.size;
  }
  return sum;
}

/** Paths of all files in a folder and its subfolders, sorted. */
async function entriesBelow(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await readFolder(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) paths.push(...(await entriesBelow(path)));
    else paths.push(path);
  }
  return paths.sort();
}

async function readFolder(folder: string): Promise<Dirent[]> {
  return fs.readdir(folder, { withFileTypes: true }).catch(() => []);
}
