/** Brings one file of a commit into the cache: it is there already, another process is downloading it, or it is downloaded. */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { putInSnapshot, type Store, sizeOf, snapshotFile } from './layout-node.ts';
import { type Held, withLock } from './lock-node.ts';
import type { Session } from './session.ts';
import { checkRoom, fetchFile, type Remote } from './transfer-node.ts';

/** Returns the path of the file in its snapshot. `onBytes` is called with the bytes present so far, whichever process downloads it. */
export async function obtain(
  session: Session,
  store: Store,
  commit: string,
  file: string,
  remote: Remote,
  onBytes: (arrived: number) => void,
): Promise<string> {
  const path = snapshotFile(store, commit, file);
  const blob = join(store.blobs, remote.blob);
  const partial = partialOf(blob);

  const fill = async ({ signal, check }: Held) => {
    if ((await sizeOf(path)) !== undefined) return; // downloaded by the process that had the lock
    const usable = (await sizeOf(blob)) === remote.bytes;
    if (!usable) {
      await checkRoom(store.blobs, remote.bytes - ((await sizeOf(partial)) ?? 0));
      await fetchFile({ ...session, signal }, remote, partial, onBytes);
      await check();
      await rename(partial, blob);
    }
    await putInSnapshot(blob, path, { fresh: !usable });
  };

  if ((await sizeOf(path)) === undefined) {
    const onWait = () => void sizeOf(partial).then((bytes) => bytes !== undefined && onBytes(bytes));
    await withLock(join(store.locks, `${remote.blob}.portmanteau.lock`), fill, { signal: session.signal, onWait });
  }
  onBytes((await sizeOf(path)) ?? 0);
  return path;
}

/** Throws UsageError when the disk has no room for the missing parts of these files. */
export async function checkRoomFor(store: Store, remotes: Iterable<Remote>): Promise<void> {
  let bytes = 0;
  const blobs = new Map([...remotes].map((remote) => [remote.blob, remote.bytes]));
  for (const [name, size] of blobs) {
    const blob = join(store.blobs, name);
    bytes += Math.max(0, size - ((await sizeOf(blob)) ?? (await sizeOf(partialOf(blob))) ?? 0));
  }
  if (bytes > 0) await checkRoom(store.blobs, bytes);
}

/** Differs from the Python tool's name, since that tool ignores these locks and would write to the same file. */
function partialOf(blob: string): string {
  return `${blob}.portmanteau.incomplete`;
}
