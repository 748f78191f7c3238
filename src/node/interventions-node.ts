/** Reads interventions from a file, with their vectors. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { readTensors } from '../checkpoint/load-tensors.ts';
import type { Source } from '../checkpoint/source.ts';
import type { InterventionSet } from '../index.ts';
import { parseFile } from '../interventions/file.ts';

/** Limit of the file's size, larger than any sensible list. */
const MOST_BYTES = 64 * 2 ** 20;

/**
 * Reads a file of interventions, and the vectors beside it. Throws UsageError when there is no such file, or when it holds no interventions;
 * CheckpointError when the vectors are damaged.
 */
export async function readInterventionFile(
  file: string,
  open: (path: string) => Promise<Source | undefined>,
): Promise<InterventionSet> {
  const text = await textOf(file);
  const { interventions, vectors } = parseFile(text, file);
  if (vectors === undefined) return { version: 1, interventions };
  const path = resolve(dirname(file), vectors);
  const source = await open(path);
  if (!source) throw new UsageError(`${file} names the vectors ${vectors}, and there is no file ${path}.`);
  return { version: 1, vectors: await readTensors(source), interventions };
}

async function textOf(file: string): Promise<string> {
  const unreadable = (error: NodeJS.ErrnoException) => {
    throw new UsageError(
      error.code === 'ENOENT' ? `there is no file ${file}.` : `${file} cannot be read: ${error.message}.`,
    );
  };
  const { size } = await stat(file).catch(unreadable);
  if (size > MOST_BYTES)
    throw new UsageError(
      `${file} has ${size} bytes, wanted at most ${MOST_BYTES}: put numbers into a safetensors file.`,
    );
  const bytes = await readFile(file).catch(unreadable);
  return new TextDecoder().decode(bytes); // without a byte order mark
}
