/** Digests of input files by their content. Kept beside the tokens with size and time of each file, so that files that did not change are read once. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { UsageError } from '../base/errors.ts';
import { writeFileWhole } from '../checkpoint/output-node.ts';

interface Known {
  readonly size: number;
  readonly mtimeMs: number;
  readonly inode: number;
  readonly sha256: string;
}

export interface InputFacts {
  readonly size: number;
  readonly mtimeMs: number;
  readonly inode: number;
}

/** Throws UsageError when the file cannot be read. */
export async function inputFacts(path: string): Promise<InputFacts> {
  const facts = await stat(path).catch((error: Error) => {
    throw new UsageError(`${path} cannot be read: ${error.message}.`, { cause: error });
  });
  if (!facts.isFile())
    throw new UsageError(`${path} is no file that can be read several times: copy what it gives to a file.`);
  return { size: facts.size, mtimeMs: facts.mtimeMs, inode: facts.ino };
}

export const isSame = (a: InputFacts, b: InputFacts): boolean =>
  a.size === b.size && a.mtimeMs === b.mtimeMs && a.inode === b.inode;

/** SHA-256 of each file, in hexadecimal. `memory`: the file of what is known from earlier. */
export async function inputHashes(paths: readonly string[], memory: string, signal?: AbortSignal): Promise<string[]> {
  const known = await readKnown(memory);
  const hashes: string[] = [];
  let isNew = false;
  for (const path of paths) {
    const facts = await inputFacts(path);
    const before = Object.hasOwn(known, path) ? known[path] : undefined;
    if (before && isSame(before, facts)) hashes.push(before.sha256);
    else {
      const sha256 = await hashOf(path, signal);
      known[path] = { ...facts, sha256 };
      hashes.push(sha256);
      isNew = true;
    }
  }
  if (isNew) await writeFileWhole(memory, [new TextEncoder().encode(`${JSON.stringify(known)}\n`)]);
  return hashes;
}

/** What cannot be read there counts as unknown. */
async function readKnown(memory: string): Promise<Record<string, Known>> {
  try {
    const value: unknown = JSON.parse(await readFile(memory, 'utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, Known>) : {};
  } catch {
    return {};
  }
}

async function hashOf(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal }))
      hash.update(chunk as Uint8Array);
  } catch (error) {
    signal?.throwIfAborted();
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
  return hash.digest('hex');
}
