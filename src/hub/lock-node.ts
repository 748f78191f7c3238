/**
 * Locks between processes, since Node has no flock: a file that only one process can create, and whose time its holder updates. A lock that
 * does not change for `staleMs` belongs to a process that died, and is removed. A holder whose lock was removed (because it was suspended)
 * is notified by a signal. For that moment there may be two holders, which locked code must allow.
 */
import { randomUUID } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../base/make-folder-node.ts';

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called about ten times a second while another holds the lock. */
  readonly onWait?: (() => void) | undefined;
  readonly beatMs?: number;
  readonly staleMs?: number;
}

const POLL_MS = 100;

/** Locks of this process; removed when it exits normally, so that others need not wait. */
const held = new Set<string>();

export interface Held {
  /** Aborted when the caller's signal is, and when the lock was lost. */
  readonly signal: AbortSignal;
  /** Throws when another process has the lock now. To be called before actions that must not happen twice. */
  check(): Promise<void>;
}

/** Runs `body` while this process has the lock, and runs it again if the lock was lost meanwhile. Waits without limit. */
export async function withLock<T>(
  path: string,
  body: (held: Held) => Promise<T>,
  { signal, onWait, beatMs = 1000, staleMs = 5000 }: LockOptions = {},
): Promise<T> {
  for (;;) {
    const mark = await acquire(path, staleMs, signal, onWait);
    const lost = new AbortController();
    const beat = setInterval(
      () =>
        void renew(path, mark)
          .catch(() => false)
          .then((ours) => ours || lost.abort()),
      beatMs,
    );
    const either = signal ? AbortSignal.any([signal, lost.signal]) : lost.signal;
    const check = async () => {
      if (!(await renew(path, mark))) lost.abort();
      either.throwIfAborted();
    };
    try {
      return await body({ signal: either, check });
    } catch (error) {
      if (!lost.signal.aborted || signal?.aborted) throw error;
    } finally {
      clearInterval(beat);
      await release(path, mark);
    }
  }
}

async function acquire(
  path: string,
  staleMs: number,
  signal: AbortSignal | undefined,
  onWait: (() => void) | undefined,
): Promise<string> {
  const mark = `${process.pid} ${randomUUID()}\n`;
  let seen: { mark: string; timeMs: number } | undefined;
  let since = 0;
  for (;;) {
    signal?.throwIfAborted();
    await makeFolder(dirname(path));
    if (await create(path, mark)) return mark;
    const now = await look(path);
    if (!now) continue; // given back just now
    // By this process's own clock: the times on a shared disk may be another machine's.
    if (now.mark !== seen?.mark || now.timeMs !== seen.timeMs) {
      seen = now;
      since = performance.now();
    } else if (performance.now() - since > staleMs) {
      await takeAway(path, now.mark);
      continue;
    }
    onWait?.();
    await sleep(POLL_MS, undefined, { signal }).catch(() => {}); // aborted: thrown above
  }
}

async function create(path: string, mark: string): Promise<boolean> {
  try {
    await writeFile(path, mark, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  if (held.size === 0) process.once('exit', releaseAll);
  held.add(path);
  return true;
}

async function look(path: string): Promise<{ mark: string; timeMs: number } | undefined> {
  try {
    return { mark: await readFile(path, 'utf8'), timeMs: (await stat(path)).mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Does this process still have the lock? */
async function renew(path: string, mark: string): Promise<boolean> {
  if ((await look(path))?.mark !== mark) return false;
  const now = new Date();
  await utimes(path, now, now).catch(() => {}); // gone since: the next beat says so
  return true;
}

async function release(path: string, mark: string): Promise<void> {
  if ((await look(path).catch(() => undefined))?.mark === mark) await rm(path, { force: true });
  held.delete(path);
  if (held.size === 0) process.off('exit', releaseAll);
}

/** Removes a stale lock by renaming, at which only one of several processes succeeds. */
async function takeAway(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID().slice(0, 8)}`;
  try {
    await rename(path, aside);
  } catch {
    return; // another was faster
  }
  // If another was faster, and even has a new lock there, that one goes back to its place.
  if ((await readFile(aside, 'utf8').catch(() => stale)) !== stale) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

function releaseAll(): void {
  for (const path of held) {
    try {
      unlinkSync(path);
    } catch {
      // gone already
    }
  }
}
