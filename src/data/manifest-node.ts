/**
 * The list of what is stored of a data set, data.json. A shard counts only when it is listed here, and this file is replaced whole after the
 * shards are complete: so it always describes a whole state from which to go on.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { CheckpointError } from '../base/errors.ts';
import { makeFolder } from '../base/make-folder-node.ts';
import { writeFileWhole } from '../checkpoint/output-node.ts';
import { refused, type SystemError } from '../checkpoint/write-errors.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const SHARD = v.object({
  name: v.pipe(v.string(), v.regex(/^(train|validation)-\d{5,}\.safetensors$/)),
  tokens: count,
  /** Documents that end in it. */
  documents: count,
  isMasked: v.boolean(),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});

const STREAMS = v.object({ train: count, validation: count });

const MANIFEST = v.object({
  format: v.literal('portmanteau tokens'),
  version: v.literal(1),
  key: v.string(),
  isDone: v.boolean(),
  /** Where to go on: the number of the source file, and the place in it. */
  next: v.object({ file: count, place: v.object({ offset: count, line: count, isWithin: v.boolean() }) }),
  /** Documents that were begun. */
  documents: count,
  shards: v.object({ train: v.array(SHARD), validation: v.array(SHARD) }),
  /** Tokens of both streams at the end of each source file that is done. */
  fileEnds: v.array(STREAMS),
});

export interface Shard {
  name: string;
  tokens: number;
  documents: number;
  isMasked: boolean;
  sha256: string;
}

export type StreamName = 'train' | 'validation';
type OfStreams<T> = Record<StreamName, T>;

export interface Manifest {
  format: 'portmanteau tokens';
  version: 1;
  key: string;
  isDone: boolean;
  next: { file: number; place: { offset: number; line: number; isWithin: boolean } };
  documents: number;
  shards: OfStreams<Shard[]>;
  fileEnds: OfStreams<number>[];
}

const FILE = 'data.json';

export const emptyManifest = (key: string): Manifest => ({
  format: 'portmanteau tokens',
  version: 1,
  key,
  isDone: false,
  next: { file: 0, place: { offset: 0, line: 0, isWithin: false } },
  documents: 0,
  shards: { train: [], validation: [] },
  fileEnds: [],
});

/** What to do about damaged tokens. */
export const again = (folder: string): string =>
  `Delete the folder ${folder}; at the next start the tokens are made again from the texts.`;

/** Undefined when there is none. Throws CheckpointError when it is damaged, or of another version. */
export async function readManifest(folder: string, key: string): Promise<Manifest | undefined> {
  const path = join(folder, FILE);
  const text = await readFile(path, 'utf8').catch((error: SystemError) => {
    if (error.code === 'ENOENT') return undefined;
    throw new CheckpointError(`${path} cannot be read: ${error.message}.`, { cause: error });
  });
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError(`${path} is damaged: ${(error as Error).message}. ${again(folder)}`, { cause: error });
  }
  const { success, output, issues } = v.safeParse(MANIFEST, value);
  if (!success) throw new CheckpointError(`${path} is damaged: ${v.getDotPath(issues[0])} is wrong. ${again(folder)}`);
  if (output.key !== key) throw new CheckpointError(`${path} is of other data. ${again(folder)}`);
  return output;
}

/** Throws UsageError when it cannot be written; what was there before stays. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  await makeFolder(folder);
  await writeFileWhole(join(folder, FILE), [new TextEncoder().encode(`${JSON.stringify(manifest, null, 1)}\n`)]);
}

export async function makeTokenFolder(folder: string): Promise<void> {
  await makeFolder(folder).catch((error: SystemError) => {
    throw refused(folder, error);
  });
}
