/** The data of a run: rows for each of its stages, and held-out batches. */
import type { TrainingRows } from '../data/batches.ts';
import type { DataOptions } from '../data/options.ts';
import type { PreparedData } from '../data/prepared.ts';
import type { TrainingConfig } from './config.ts';
import { examplesOf } from './examples.ts';
import type { Examples } from './pass.ts';
import type { Stage } from './schedules/stages.ts';
import { sequenceOf, stagesFor } from './stages-for.ts';

export interface RunData {
  rowsOf(stage: Stage): TrainingRows;
  /** Held-out batches, the same in each call; undefined without any. */
  readonly validation: ((signal?: AbortSignal) => AsyncIterable<Examples>) | undefined;
  /** Names the rows of all stages and their order. */
  readonly identity: string;
  /** Tokens for training. */
  readonly tokens: number;
  close(): Promise<void>;
}

/** `prepare`: prepareMemory or prepareData. Each length of sequences is prepared once; held-out rows are those of the first stage. */
export async function runData(
  config: TrainingConfig,
  prepare: (data: DataOptions) => Promise<PreparedData>,
): Promise<RunData> {
  const { data, batch, evaluate } = config;
  const lengths = [...new Set(stagesFor(config).map(({ sequence }) => sequence))];
  const prepared = new Map<number, PreparedData>();
  const close = async () => {
    for (const one of prepared.values()) await one.close();
  };
  try {
    for (const sequence of lengths) {
      const isOwn = 'ids' in data || sequence === sequenceOf(config);
      prepared.set(sequence, await prepare(isOwn ? data : { ...data, sequence, window: undefined, stride: undefined }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  const [first] = [...prepared.values()] as [PreparedData];
  const { validation } = first;
  return {
    rowsOf: ({ sequence }) => (prepared.get(sequence) as PreparedData).train,
    validation: validation && ((signal) => heldOut(validation, batch, evaluate?.batches, signal)),
    identity: [...prepared.values()].map(({ train }) => train.identity).join(' '),
    tokens: first.tokens,
    close,
  };
}

async function* heldOut(rows: TrainingRows, size: number, most = Number.POSITIVE_INFINITY, signal?: AbortSignal) {
  for await (const { number, rows: some } of rows.inOrder({ size, signal })) {
    if (number >= most) return;
    yield examplesOf(some);
  }
}
