/** run.json of a checkpoint: where a run stands, of what it was begun, and digests of the files beside it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { CheckpointError, UsageError } from '../../base/errors.ts';
import type { SavedFile } from '../../checkpoint/save.ts';
import type { TrainingConfig } from '../../training/config.ts';

export const RECORD = 'run.json';

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const SCHEMA = v.object({
  /** Steps that are done: the number of the next one. */
  step: whole,
  /** The configuration with its defaults. */
  config: v.looseObject({}),
  /** Names the rows of the data and their order; the position in it follows from the step. */
  data: v.string(),
  /** Version of this library. */
  version: v.string(),
  /** The lowest loss on held-out data, and after how many steps it was. */
  best: v.optional(v.object({ step: whole, loss: v.number() })),
  files: v.record(v.string(), v.object({ bytes: whole, sha256: v.string() })),
});

export type RunRecord = v.InferOutput<typeof SCHEMA>;
export type Best = NonNullable<RunRecord['best']>;

/** The files of a checkpoint, with run.json as the last. The digests are made while the files are written. */
export function recorded(files: readonly SavedFile[], record: Omit<RunRecord, 'files'>): SavedFile[] {
  const digests: RunRecord['files'] = {};
  const watched = files.map(
    ({ name, bytes }): SavedFile => ({
      name,
      async *bytes() {
        const hash = createHash('sha256');
        let length = 0;
        for await (const piece of bytes()) {
          hash.update(piece);
          length += piece.length;
          yield piece;
        }
        digests[name] = { bytes: length, sha256: hash.digest('hex') };
      },
    }),
  );
  const json = () => new TextEncoder().encode(`${JSON.stringify({ ...record, files: digests }, undefined, 2)}\n`);
  return [
    ...watched,
    {
      name: RECORD,
      *bytes() {
        yield json();
      },
    },
  ];
}

/** Reads run.json and compares all files with their digests. Throws CheckpointError when a file is missing or damaged. */
export async function readRecord(folder: string): Promise<RunRecord> {
  const record = await parsedRecord(folder);
  for (const [name, { bytes, sha256 }] of Object.entries(record.files)) {
    const hash = createHash('sha256');
    let length = 0;
    try {
      for await (const piece of createReadStream(join(folder, name)) as AsyncIterable<Uint8Array>) {
        hash.update(piece);
        length += piece.length;
      }
    } catch (error) {
      throw damaged(folder, `${name} cannot be read (${(error as Error).message})`, error);
    }
    if (length !== bytes) throw damaged(folder, `${name} has ${length} bytes, and had ${bytes} when it was written`);
    if (hash.digest('hex') !== sha256) throw damaged(folder, `the bytes of ${name} are not those that were written`);
  }
  return record;
}

async function parsedRecord(folder: string): Promise<RunRecord> {
  try {
    return v.parse(SCHEMA, JSON.parse(await readFile(join(folder, RECORD), 'utf8')));
  } catch (error) {
    throw damaged(folder, `${RECORD} cannot be read (${(error as Error).message})`, error);
  }
}

const damaged = (folder: string, problem: string, cause?: unknown) =>
  new CheckpointError(
    `the checkpoint ${folder} is damaged: ${problem}. Remove this folder, and --resume goes on from the checkpoint before it.`,
    { cause },
  );

/** Keys that change no number of a run. */
const FREE = ['$schema', 'out', 'checkpoint', 'evaluate', 'samples', 'recompute'];

/** Throws UsageError when a run that is to go on was begun with another configuration, or on other data. */
export function checkSameRun(
  folder: string,
  record: RunRecord,
  config: TrainingConfig,
  data: string | undefined,
): void {
  const [before, now] = [record.config, JSON.parse(JSON.stringify(config))] as Record<string, unknown>[];
  const isFree = (path: string) =>
    FREE.includes(path.split('.')[0] as string) || (path === 'steps' && config.schedule.name === 'constant');
  for (const [key, a, b] of differences(before, now)) {
    if (isFree(key)) continue;
    throw new UsageError(
      `the run in ${folder} was begun with ${shown(key, a)}, and the configuration has ${shown(key, b)}: go on with the same, ` +
        'or begin another run in another folder, with a checkpoint of this one as its model.',
    );
  }
  if (config.steps !== undefined && config.steps < record.step)
    throw new UsageError(
      `the run in ${folder} has made ${record.step} steps, more than the 'steps': ${config.steps} of the configuration: set steps to ${record.step} or more.`,
    );
  if (data !== undefined && data !== record.data)
    throw new UsageError(
      `the data of the run in ${folder} has changed since it was begun: bring back the same texts and tokenizer, or begin another run.`,
    );
}

/** Paths of keys with other values, and these in JSON: of objects, the keys within them. */
function* differences(a: unknown, b: unknown, path = ''): Generator<[string, string | undefined, string | undefined]> {
  const [before, now] = [a, b].map((value) => JSON.stringify(value));
  if (before === now) return;
  if (!isObject(a) || !isObject(b)) return yield [path, before, now];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
    yield* differences(a[key], b[key], path === '' ? key : `${path}.${key}`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const shown = (key: string, json: string | undefined): string =>
  json === undefined ? `no '${key}'` : `'${key}': ${json.length > 80 ? `${json.slice(0, 77)}...` : json}`;
