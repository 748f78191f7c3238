/**
 * Names of temporary files and folders. They contain the process that writes, so that those left by a killed process can be found and
 * removed, and those of a running one are kept.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, rmSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Longest part of the file's own name that is kept: names have at most 255 bytes, and a letter has up to 4. */
const MAX_KEPT = 40;

/** A temporary file unchanged for this long is abandoned, whoever made it. */
const ABANDONED_MS = 3_600_000;

/** `.NAME.portmanteau-HOST-PID-RANDOM`, where HOST stands for this machine since it was started, and its numbering of processes. */
const PATTERN = /^\.(.*)\.portmanteau-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}$/s;

export function temporaryName(name: string): string {
  return `.${shortened(name)}.portmanteau-${host()}-${process.pid}-${randomUUID().slice(0, 8)}`;
}

/** A unique path in the same folder. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), temporaryName(basename(path)));
}

/** Temporary paths of this process; removed when it exits early, as after a second Ctrl-C. */
const held = new Set<string>();

export function hold(path: string): string {
  if (held.size === 0) process.once('exit', discardAll);
  held.add(path);
  return path;
}

/** Stops tracking a path, which has been renamed. */
export function release(path: string): void {
  held.delete(path);
  if (held.size === 0) process.off('exit', discardAll);
}

/** Removes a temporary file or folder. */
export async function discard(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  release(path);
}

function discardAll(): void {
  for (const path of held) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // the next to write there removes it
    }
  }
}

/** Removes temporary files for `path` left by processes that no longer run. Returns their paths. */
export async function removeAbandoned(path: string): Promise<string[]> {
  const folder = dirname(path);
  const wanted = shortened(basename(path));
  const removed: string[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const [, kept, machine, pid] = PATTERN.exec(name) ?? [];
    if (kept !== wanted || machine === undefined) continue;
    const left = join(folder, name);
    if (!(await isAbandoned(left, machine, Number(pid)))) continue;
    await rm(left, { recursive: true, force: true }).then(
      () => removed.push(left),
      () => undefined, // another user's
    );
  }
  return removed;
}

async function isAbandoned(path: string, machine: string, pid: number): Promise<boolean> {
  if (machine === host() && !isRunning(pid)) return true;
  return Date.now() - (await lastChangeMs(path)) > ABANDONED_MS;
}

/** Time of the last change of a file, or of a folder and its files. */
async function lastChangeMs(path: string): Promise<number> {
  const names = await readdir(path).catch(() => []);
  const times = await Promise.all(
    [path, ...names.map((name) => join(path, name))].map((each) =>
      lstat(each).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  return Math.max(...times);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // another user's
  }
}

const shortened = (name: string): string => [...name].slice(0, MAX_KEPT).join('');

let known: string | undefined;

/** Identifies the numbering of processes: each container has its own, and a restarted machine begins anew. */
function host(): string {
  const read = (get: () => string) => {
    try {
      return get();
    } catch {
      return ''; // no Linux
    }
  };
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  const processes = read(() => readlinkSync('/proc/self/ns/pid'));
  known ??= createHash('sha256').update(`${hostname()} ${boot} ${processes}`).digest('hex').slice(0, 8);
  return known;
}
