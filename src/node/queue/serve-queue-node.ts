/** Answers the batches of a queue on a model, until it is stopped. */
import { setTimeout } from 'node:timers/promises';
import type { Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Model } from '../../api/model.ts';
import { UsageError } from '../../base/errors.ts';
import type { Answered } from '../../evaluation/answer/answer.ts';
import { type AnswerAllOptions, answerAll } from '../../evaluation/answer/answer-all.ts';
import { checkOptions } from '../../options/check.ts';
import { differences, identityOfModel, type RunIdentity } from '../evaluation/identity-node.ts';
import { answersToJson, type Batch, type BatchAnswers, type Unwanted } from './batch-node.ts';
import { connectQueue, withoutPassword } from './connect-node.ts';
import { WORKER_OPTIONS, type WorkerOptions } from './options-node.ts';
import { quietly } from './quietly-node.ts';
import { announcedRuns, isAnnounced, queueOf } from './runs-node.ts';

export interface ServeQueueOptions
  extends WorkerOptions,
    Pick<AnswerAllOptions, 'adapter' | 'interventions' | 'stateBytes' | 'signal'> {
  /** Called when it takes batches. */
  readonly onReady?: (() => void) | undefined;
  /** Called after each batch with the number of requests that were answered so far. */
  readonly onProgress?: ((answered: number) => void) | undefined;
  readonly onNote?: ((message: string) => void) | undefined;
}

/** Batches of which so many workers were lost are given up. */
const MOST_LOST = 3;

/** At the end, a batch that is being computed has so long to go back: milliseconds. */
const CLOSE_MS = 10_000;

/** Between two tries to reach a server that was lost: milliseconds. */
const RETRY_MS = 1000;

/** How often is looked for runs of other models: milliseconds. */
const LOOK_MS = 5000;

/**
 * Takes batches until the signal is aborted; a batch that is not done then goes back. Throws UsageError on wrong options, when no server is there, and
 * when all runs that want answers want them of another model, or of this one changed otherwise.
 */
export async function serveQueue(
  model: Model,
  { url: address, lostAfter: patience, onReady, onProgress, onNote = () => {}, ...answering }: ServeQueueOptions,
): Promise<void> {
  const given = checkOptions('a worker', { url: address, lostAfter: patience }, WORKER_OPTIONS);
  const { url, lostAfter } = given as { url: string; lostAfter: number };
  const { signal } = answering;
  const identity = await identityOfModel(model, answering);
  const connection = await connectQueue(url, onNote);
  const { bullmq, redis } = connection;
  let answered = 0;
  let worker: Worker | undefined;
  const work = async (job: Job<Batch>, token?: string): Promise<BatchAnswers | Unwanted> => {
    const { run, requests } = job.data;
    if (!(await isAnnounced(redis, run))) return 'unwanted';
    try {
      const answers = await answerBatch(model, job.data, answering);
      answered += requests.length;
      onProgress?.(answered);
      return answers;
    } catch (error) {
      if (!signal?.aborted) throw error;
      await job.moveToWait(token);
      throw new bullmq.WaitingError();
    }
  };
  const others = new OtherRuns(redis, identity);
  try {
    const { isWanted, different } = await others.look();
    if (!isWanted && different.length > 0)
      throw new UsageError(
        `the requests at ${withoutPassword(url)} are for another model; this one differs in: ${different.join(', ')}. Give the model and the options of the run.`,
      );
    worker = new bullmq.Worker<Batch>(queueOf(identity), work, {
      connection: redis,
      lockDuration: 1000 * lostAfter,
      stalledInterval: 1000 * lostAfter,
      maxStalledCount: MOST_LOST,
      runRetryDelay: RETRY_MS,
    });
    worker.on('error', (error) => {
      if (/lock/i.test(error.message))
        onNote('a batch took so long that another worker got it; its answers are taken from there');
    });
    onReady?.();
    while (!signal?.aborted) {
      await setTimeout(LOOK_MS, undefined, { signal }).catch(() => undefined);
      if (signal?.aborted || redis.status !== 'ready') continue;
      const { different: more } = await others.look();
      if (more.length > 0)
        onNote(`a run wants another model, and is not answered here; this one differs in: ${more.join(', ')}`);
    }
  } finally {
    await quietly(worker?.close(), CLOSE_MS);
    connection.close();
  }
}

async function answerBatch(
  model: Model,
  { options, requests }: Batch,
  answering: Pick<AnswerAllOptions, 'adapter' | 'interventions' | 'stateBytes' | 'signal'>,
): Promise<BatchAnswers> {
  const truncated: [number, number][] = [];
  const { answers, failures } = await answerAll(model, requests, {
    ...options,
    ...answering,
    onTruncated: (index, tokens) => truncated.push([index, tokens]),
  });
  const found = answers.flatMap((answer, index): Answered[] => (answer ? [{ index, answer }] : []));
  return { answers: answersToJson([...found, ...failures]), truncated };
}

/** Runs on the server, of which those of other models are told once. */
class OtherRuns {
  readonly #redis: Redis;
  readonly #identity: RunIdentity;
  readonly #known = new Set<string>();

  constructor(redis: Redis, identity: RunIdentity) {
    this.#redis = redis;
    this.#identity = identity;
  }

  /** Is a run of this model there; and in what the first new one of another model differs. */
  async look(): Promise<{ readonly isWanted: boolean; readonly different: readonly string[] }> {
    const runs = [...(await announcedRuns(this.#redis))].map(([run, identity]) => ({
      run,
      different: differences(this.#identity, identity),
    }));
    const fresh = runs.filter(({ run, different }) => different.length > 0 && !this.#known.has(run));
    for (const { run } of fresh) this.#known.add(run);
    return { isWanted: runs.some(({ different }) => different.length === 0), different: fresh[0]?.different ?? [] };
  }
}
