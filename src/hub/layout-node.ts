/**
 * The layout of the cache, which is shared with the Python tool: models--org--name/{blobs/<etag>, refs/<revision>,
 * snapshots/<commit>/<path> -> ../../blobs/<etag>}.
 */
import { randomUUID } from 'node:crypto';
import { copyFile, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { makeFolder } from '../base/make-folder-node.ts';
import { withoutSymlinks } from './environment-node.ts';
import { folderOfRepo, isCommit } from './names.ts';

export interface Store {
  readonly root: string;
  readonly blobs: string;
  readonly refs: string;
  readonly snapshots: string;
  readonly locks: string;
}

/** Where the cache has a model. */
export const storeOf = (cacheDir: string, repo: string): Store => storeIn(cacheDir, folderOfRepo(repo));

/** `folder`: its name in the cache, such as models--org--name. */
export function storeIn(cacheDir: string, folder: string): Store {
  const root = join(cacheDir, folder);
  return {
    root,
    blobs: join(root, 'blobs'),
    refs: join(root, 'refs'),
    snapshots: join(root, 'snapshots'),
    locks: join(cacheDir, '.locks', folder),
  };
}

/** The commit of a branch, tag or commit, if the cache has it. */
export async function cachedCommit(store: Store, revision: string): Promise<string | undefined> {
  if (isCommit(revision)) return revision;
  const text = await readFile(join(store.refs, revision), 'utf8').catch(() => '');
  const commit = text.trim();
  return isCommit(commit) ? commit : undefined;
}

/** Stores the commit of a branch or tag atomically. */
export async function writeRef(store: Store, revision: string, commit: string): Promise<void> {
  if (revision === commit || (await cachedCommit(store, revision)) === commit) return;
  const path = join(store.refs, revision);
  await makeFolder(dirname(path));
  const fresh = besides(path);
  await writeFile(fresh, commit);
  await rename(fresh, path);
}

export function snapshotFile(store: Store, commit: string, file: string): string {
  return join(store.snapshots, commit, ...file.split('/'));
}

/** Size of a file in bytes, links followed; undefined when there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

/**
 * Puts a blob into a snapshot as a relative link. Without links, the file is moved there when it is `fresh` (no other snapshot can need
 * it), or else copied, as by the Python tool.
 */
export async function putInSnapshot(blob: string, path: string, { fresh }: { fresh: boolean }): Promise<void> {
  await makeFolder(dirname(path));
  const aside = besides(path);
  if (await tryLink(relative(dirname(path), blob), aside)) await rename(aside, path);
  else if (fresh) await rename(blob, path);
  else {
    await copyFile(blob, aside);
    await rename(aside, path);
  }
}

async function tryLink(target: string, path: string): Promise<boolean> {
  if (withoutSymlinks()) return false;
  try {
    await symlink(target, path);
    return true;
  } catch (error) {
    if (
      ['EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL'].includes((error as NodeJS.ErrnoException).code!)
    )
      return false;
    await rm(path, { force: true });
    throw error;
  }
}

/** A unique name in the same folder, to be renamed atomically. */
function besides(path: string): string {
  return `${path}.${randomUUID().slice(0, 8)}.tmp`;
}
