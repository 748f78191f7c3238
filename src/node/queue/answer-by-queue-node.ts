/** Has requests answered by workers: puts batches into a queue, and takes the answers, each once. */
import { randomUUID } from 'node:crypto';
import type { Job, Queue, QueueEvents } from 'bullmq';
import type { Answered } from '../../evaluation/answer/answer.ts';
import type { Answerer } from '../../evaluation/answer/answer-all.ts';
import { batchesOf } from '../../evaluation/answer/order.ts';
import { checkOptions } from '../../options/check.ts';
import type { PlainAnswerOptions, RunIdentity } from '../evaluation/identity-node.ts';
import { answersFromJson, type Batch, type BatchAnswers, type Unwanted } from './batch-node.ts';
import { connectQueue, withoutPassword } from './connect-node.ts';
import { QUEUE_OPTIONS, type QueueOptions } from './options-node.ts';
import { quietly } from './quietly-node.ts';
import { type Announced, announce, queueOf } from './runs-node.ts';

/** Most batches that are in the queue at once: the server holds them in memory. */
const MOST_OPEN = 256;

/** When no batch ends for so long, the server is asked how they are: milliseconds. */
const QUIET_MS = 2000;

/** Seconds that answers stay on the server when nobody takes them. */
const KEPT_S = 600;

type Result = BatchAnswers | Unwanted;

/** A batch in the queue has ended. */
interface End {
  readonly id: string;
  readonly result?: Result;
  readonly error?: string;
}

/**
 * An answerer by a queue. `identity`: what answers depend on; only workers with the same take the batches. Throws UsageError on wrong options and when
 * no server is there.
 */
export function queueAnswerer(
  { onNote, ...queueOptions }: QueueOptions,
  identity: RunIdentity,
  options: PlainAnswerOptions,
): Answerer {
  const { url, batch } = checkOptions('a queue', queueOptions, QUEUE_OPTIONS) as { url: string; batch: number };
  return async function* answerByQueue(requests, { signal, onTruncated }): AsyncGenerator<Answered> {
    signal?.throwIfAborted();
    if (requests.length === 0) return;
    const connection = await connectQueue(url, onNote);
    const { bullmq, redis } = connection;
    const run = randomUUID();
    const queue: Queue = new bullmq.Queue(queueOf(identity), { connection: redis });
    const events: QueueEvents = new bullmq.QueueEvents(queueOf(identity), { connection: redis });
    queue.on('error', () => undefined); // told by the connection
    events.on('error', () => undefined);
    const ends = new Ends(events, signal);
    const waiting = batchesOf(requests, batch).reverse();
    const open = new Map<string, number[]>();
    let added = 0;
    const add = async (batches: readonly number[][]): Promise<void> => {
      const jobs = batches.map((indices) => {
        const id = `${run}-${added++}`;
        open.set(id, indices);
        const data: Batch = { run, options, requests: indices.map((index) => requests[index] as Batch['requests'][0]) };
        return {
          name: 'batch',
          data,
          opts: { jobId: id, removeOnComplete: { age: KEPT_S }, removeOnFail: { age: KEPT_S } },
        };
      });
      await queue.addBulk(jobs);
    };
    const silence = new Silence(
      `no worker has this model yet: start some, as in 'portmanteau worker --queue ${withoutPassword(url)} --model MODEL'`,
      onNote,
    );
    let announced: Announced | undefined;
    try {
      await events.waitUntilReady();
      announced = await announce(redis, run, identity);
      while (open.size + waiting.length > 0) {
        if (open.size < MOST_OPEN && waiting.length > 0) await add(waiting.splice(-(MOST_OPEN - open.size)).reverse());
        const end = await ends.next(QUIET_MS);
        if (!end) {
          await silence.look(queue);
          for (const one of await missed(queue, [...open.keys()])) ends.push(one);
          continue;
        }
        const indices = open.get(end.id);
        if (!indices) continue; // of another run, or told twice
        open.delete(end.id);
        await queue.remove(end.id).catch(() => undefined);
        if (end.error !== undefined) {
          for (const index of indices) yield { index, error: new Error(end.error) };
        } else if (end.result === undefined || end.result === 'unwanted') {
          await announced.tell(); // the server has forgotten this run
          waiting.push(indices);
        } else {
          for (const [i, tokens] of end.result.truncated) onTruncated?.(indices[i] as number, tokens);
          yield* answersFromJson(end.result, indices);
        }
      }
    } finally {
      await quietly(announced?.end());
      for (const id of open.keys()) await quietly(queue.remove(id)); // those that are computed now stay, and nobody takes them
      ends.close();
      await quietly(events.close());
      await quietly(queue.close());
      connection.close();
    }
  };
}

/** The ends of batches, as they come. */
class Ends {
  readonly #signal: AbortSignal | undefined;
  readonly #found: End[] = [];
  #wake: () => void = () => undefined;
  readonly #abort = () => this.#wake();

  constructor(events: QueueEvents, signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort);
    events.on('completed', ({ jobId, returnvalue }) =>
      this.push({ id: jobId, result: returnvalue as unknown as Result }),
    );
    events.on('failed', ({ jobId, failedReason }) => this.push({ id: jobId, error: failedReason }));
  }

  push(end: End): void {
    this.#found.push(end);
    this.#wake();
  }

  /** Undefined when none came within this time. Throws the signal's reason. */
  async next(milliseconds: number): Promise<End | undefined> {
    this.#signal?.throwIfAborted();
    if (this.#found.length === 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    this.#signal?.throwIfAborted();
    return this.#found.shift();
  }

  close(): void {
    this.#signal?.removeEventListener('abort', this.#abort);
  }
}

/** Batches of which the end was not told, as when a connection was lost; those that the server has lost are to be added again. */
async function missed(queue: Queue, ids: readonly string[]): Promise<End[]> {
  const found: End[] = [];
  for (const id of ids) {
    const state = await queue.getJobState(id);
    if (state === 'unknown') found.push({ id });
    if (state !== 'completed' && state !== 'failed') continue;
    const job: Job | undefined = await queue.getJob(id);
    if (job && state === 'completed') found.push({ id, result: job.returnvalue as Result });
    else if (job) found.push({ id, error: job.failedReason });
  }
  return found;
}

/** Tells once when there is no worker. */
class Silence {
  readonly #message: string;
  readonly #onNote: ((message: string) => void) | undefined;
  #isTold = false;

  constructor(message: string, onNote: ((message: string) => void) | undefined) {
    this.#message = message;
    this.#onNote = onNote;
  }

  async look(queue: Queue): Promise<void> {
    if (this.#isTold || !this.#onNote || (await queue.getWorkersCount().catch(() => 1)) > 0) return;
    this.#isTold = true;
    this.#onNote(this.#message);
  }
}
