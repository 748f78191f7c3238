/** Compares a blob with its name: the hub names large files by their SHA-256, small ones as git does. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

const READ_BYTES = 1 << 20;

/** Is the name a checksum of the content? */
export function isChecksum(name: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name);
}

/** Compares the content of a file with the name of its blob; returns the problem, or undefined. Reads the whole file. */
export async function checksumProblem(path: string, name: string, signal?: AbortSignal): Promise<string | undefined> {
  if (!isChecksum(name)) return undefined;
  const hash = createHash(name.length === 64 ? 'sha256' : 'sha1');
  if (name.length === 40) hash.update(`blob ${(await stat(path)).size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) {
    signal?.throwIfAborted();
    hash.update(chunk);
  }
  const found = hash.digest('hex');
  return found === name ? undefined : `its checksum is ${found}, wanted ${name}`;
}
