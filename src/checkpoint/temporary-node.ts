/**
 * Names of files and folders that are being written. They tell who writes, so that what a killed process left behind can be found and
 * removed, and what a running one needs is let alone.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, rmSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Longest part of the file's own name that is kept: names have at most 255 bytes, and a letter has up to 4. */
const MAX_KEPT = 40;

/** Nothing that is written stands still for so long: then it is abandoned, whoever began it. */
const ABANDONED_MS = 3_600_000;

/** `.NAME.portmanteau-HOST-PID-RANDOM`, where HOST stands for this machine since it was started, and its numbering of processes. */
const PATTERN = /^\.(.*)\.portmanteau-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}$/s;

export function temporaryName(name: string): string {
  return `.${shortened(name)}.portmanteau-${host()}-${process.pid}-${randomUUID().slice(0, 8)}`;
}

/** A path in the same folder that nobody else uses. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), temporaryName(basename(path)));
}

/** What this process is writing: removed when it exits half-way, as after a second Ctrl-C. */
const held = new Set<string>();

export function hold(path: string): string {
  if (held.size === 0) process.once('exit', discardAll);
  held.add(path);
  return path;
}

/** It has got its name, and stays. */
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

/** Removes what processes that run no more began to write for `path`. Gives the paths that were removed. */
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

/** Of a file, or of a folder and the files in it. */
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

/** Two containers on one machine number their processes apart, and a machine that was started anew begins again. */
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
