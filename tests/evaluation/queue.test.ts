/** Answers by a queue are those of one model, and each comes once: with several workers, with others, and with a server that is lost. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { answerAll } from '../../src/evaluation/answer/answer-all.ts';
import { requestsOf } from '../../src/evaluation/prepared.ts';
import { queueAnswerer } from '../../src/node/queue/answer-by-queue-node.ts';
import { answersFromJson, answersToJson } from '../../src/node/queue/batch-node.ts';
import {
  checkQueue,
  type EvaluateOptions,
  evaluatePrepared,
  fromPretrained,
  type Model,
  prepareEvaluation,
  type ServeQueueOptions,
  serveQueue,
} from '../../src/node.ts';
import { freePort, type RedisServer, redisServer, startRedis } from '../redis.ts';
import { stubEvaluation } from './stub.ts';

vi.setConfig({ testTimeout: 120_000 }); // a lost server is noticed after some seconds

const DOCUMENTS = 12;

describe.skipIf(!redisServer)('by a queue', () => {
  let model: Model;
  let redis: RedisServer;
  beforeAll(async () => {
    model = await fromPretrained('granite-tiny', { threads: 1 });
    redis = await startRedis();
  });
  afterAll(async () => {
    await model.dispose();
    await redis.stop();
  });

  let folder: string;
  let stopWorkers: AbortController;
  let workers: Promise<void>[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'queue-'));
    stopWorkers = new AbortController();
    workers = [];
  });
  afterEach(async () => {
    stopWorkers.abort();
    await Promise.allSettled(workers);
    rmSync(folder, { recursive: true });
  });

  function work(options: Partial<ServeQueueOptions> = {}, own = model): void {
    workers.push(serveQueue(own, { url: redis.url, signal: stopWorkers.signal, lostAfter: 2, ...options }));
  }

  const evaluate = (more: Partial<EvaluateOptions>) =>
    evaluatePrepared(model, stubEvaluation(DOCUMENTS), { modelName: 'm', ...more });

  const plain = (results: object) => ({ ...results, started: undefined });

  it('answers are those of one machine, to the last bit, and each comes once', async () => {
    const { requests } = requestsOf(stubEvaluation(DOCUMENTS).tasks);
    const more = [...requests, { kind: 'loglikelihood', context: 'a', continuation: '' } as const];
    const local = await answerAll(model, more);
    const seen: number[] = [];
    work();
    work();
    const remote = await answerAll(model, more, {
      answerer: queueAnswerer({ url: redis.url, batch: 3 }, await identity(), {}),
      onAnswer: (index) => seen.push(index),
    });
    expect(remote.answers).toEqual(local.answers);
    expect(seen.sort((a, b) => a - b)).toEqual([...requests.keys()]);
    const told = ({ failures }: typeof local) => failures.map(({ index, error }) => [index, error.message]);
    expect(told(remote)).toEqual(told(local));
    expect(told(remote)).toEqual([[requests.length, expect.stringMatching(/no token of its own/)]]);
  });

  const identity = async () => (await import('../../src/node/evaluation/identity-node.ts')).identityOfModel(model, {});

  it('texts that lost their beginning are told', async () => {
    const { requests } = requestsOf(stubEvaluation(DOCUMENTS).tasks);
    const lost = (options: object) => {
      const found: [number, number][] = [];
      return answerAll(model, requests, { maxLength: 20, ...options, onTruncated: (...one) => found.push(one) }).then(
        ({ answers }) => ({ answers, found: found.sort(([a], [b]) => a - b) }),
      );
    };
    work();
    const answerer = queueAnswerer({ url: redis.url, batch: 5 }, await identity(), { maxLength: 20 });
    const [local, remote] = [await lost({}), await lost({ answerer })];
    expect(remote).toEqual(local);
    expect(local.found.length).toBeGreaterThan(10);
  });

  it('a run that was stopped goes on by a queue, or without one', async () => {
    const expected = plain((await evaluate({})).results);
    const stop = new AbortController();
    let answers = 0;
    const stopped = evaluate({
      ...{ outputPath: folder, queue: { url: redis.url, batch: 2 }, signal: stop.signal },
      onProgress: () => {
        if (++answers === 12) stop.abort();
      },
    });
    work();
    await expect(stopped).rejects.toThrow(/abort/);
    const journal = readFileSync(join(folder, 'm', 'answers.journal'), 'utf8').split('\n').length - 2;
    expect(journal).toBeGreaterThanOrEqual(11);
    const more = { outputPath: folder, resume: true };
    const { results, failures } = await evaluate({ ...more, queue: { url: redis.url } });
    expect(failures).toEqual([]);
    expect(plain(results)).toEqual(expected);
  });

  it('a run waits for workers, says so, and a worker that is stopped gives its batch back', async () => {
    const notes: string[] = [];
    const expected = plain((await evaluate({})).results);
    const first = new AbortController();
    const run = evaluate({ queue: { url: redis.url, batch: 4, onNote: (note) => notes.push(note) } });
    await until(() => notes.length > 0);
    expect(notes).toEqual([expect.stringMatching(/no worker has this model yet.*portmanteau worker --queue redis:/)]);
    work({ signal: first.signal, onProgress: () => first.abort() });
    await workers[0];
    work();
    expect(plain((await run).results)).toEqual(expected);
  });

  it('a worker with another model, format or change is refused, and others go on', async () => {
    const expected = plain((await evaluate({})).results);
    const run = evaluate({ queue: { url: redis.url, batch: 4 } });
    await until(async () => (await serverKeys()) > 0);
    const other = await fromPretrained('granite-tiny', { threads: 1, weights: 'q8' });
    const third = await fromPretrained('mamba-tiny', { threads: 1 });
    try {
      await expect(serveQueue(other, { url: redis.url })).rejects.toThrow(/the format of the weights/);
      await expect(serveQueue(third, { url: redis.url })).rejects.toThrow(
        /are for another model; this one differs in: the model/,
      );
      const interventions = [{ site: 'blocks.0.residPost', scale: 2 }] as const;
      await expect(serveQueue(model, { url: redis.url, interventions })).rejects.toThrow(/the interventions/);
    } finally {
      await other.dispose();
      await third.dispose();
    }
    work();
    expect(plain((await run).results)).toEqual(expected);
  });

  async function serverKeys(): Promise<number> {
    const { Redis } = await import('ioredis');
    const client = new Redis(redis.url);
    const keys = await client.keys('portmanteau:run:*');
    client.disconnect();
    return keys.length;
  }

  it('a server that forgets everything and comes back loses nothing', async () => {
    const expected = plain((await evaluate({})).results);
    let own = await startRedis();
    const { url, port } = own;
    const notes: string[] = [];
    let answers = 0;
    let restarted: Promise<void> | undefined;
    const restart = async () => {
      await own.stop();
      own = await startRedis([], port);
    };
    try {
      work({ url });
      const run = evaluate({
        queue: { url, batch: 2, onNote: (note) => notes.push(note) },
        onProgress: () => {
          if (++answers === 10) restarted = restart();
        },
      });
      expect(plain((await run).results)).toEqual(expected);
      await restarted;
      expect(notes).toContainEqual(expect.stringMatching(/the connection to redis:.* was lost; trying again/));
    } finally {
      stopWorkers.abort();
      await Promise.allSettled(workers);
      await own.stop();
    }
  });

  it('measures of senses are those of one machine', async () => {
    const backpack = await fromPretrained('backpack-tiny', { threads: 1 });
    try {
      const pairs = join(folder, 'pairs.csv');
      writeFileSync(pairs, 'cat;dog;3\nboy;girl;2.5\nhouse;river;0.4\nking;queen;3.2\nmany;the;1\n');
      const keys = {
        ...{ task: 'alike', dataset_path: 'word_pairs', dataset_kwargs: { data_files: { test: pairs } } },
        ...{ test_split: 'test', output_type: 'sense_similarity' },
        ...{ doc_to_choice: '{{[word1, word2]}}', doc_to_target: 'score' },
      };
      writeFileSync(join(folder, 'alike.yaml'), JSON.stringify(keys));
      const prepared = await prepareEvaluation({ tasks: ['alike', 'gender_bias'], includePath: folder, limit: 8 });
      const local = await evaluatePrepared(backpack, prepared, { modelName: 'm' });
      expect(local.failures).toEqual([]);
      work({}, backpack);
      work({}, backpack);
      const remote = await evaluatePrepared(backpack, prepared, {
        modelName: 'm',
        queue: { url: redis.url, batch: 3 },
      });
      expect(remote.failures).toEqual([]);
      expect(remote.results.results).toEqual(local.results.results);
    } finally {
      stopWorkers.abort();
      await Promise.allSettled(workers);
      await backpack.dispose();
    }
  });

  it('a database that the server does not have is an error before anything is put in', async () => {
    const url = `${redis.url}/99`;
    await expect(checkQueue(url)).rejects.toThrow(/redis:.*\/99 has no such database: .*out of range/);
    await expect(evaluate({ queue: { url } })).rejects.toThrow(/has no such database/);
    await expect(serveQueue(model, { url })).rejects.toThrow(/has no such database/);
    await checkQueue(`${redis.url}/3`);
  });

  it('a password is asked for, and not shown', async () => {
    const own = await startRedis(['--requirepass', 'secret']);
    try {
      await expect(checkQueue(own.url)).rejects.toThrow(/refuses this user: give the password/);
      const wrong = own.url.replace('//', '//:wrong@');
      await expect(checkQueue(wrong)).rejects.toThrow(/refuses this user/);
      await expect(checkQueue(wrong)).rejects.not.toThrow(/wrong/);
      await checkQueue(own.url.replace('//', '//:secret@'));
    } finally {
      await own.stop();
    }
  });
});

it('numbers that JSON does not have come back', () => {
  const answers = [Number.NEGATIVE_INFINITY, -0, Number.NaN, -1e-300].map((logProbability, index) => ({
    index,
    answer: { kind: 'loglikelihood', logProbability, isGreedy: false } as const,
  }));
  const sent = JSON.parse(JSON.stringify({ answers: answersToJson(answers), truncated: [] }));
  expect(answersFromJson(sent, [0, 1, 2, 3])).toEqual(answers);
});

it('no server at an address is told with what to do', async () => {
  const url = `redis://127.0.0.1:${await freePort()}`;
  await expect(checkQueue(url)).rejects.toThrow(
    /no Redis or Valkey server answers at redis:\/\/127.0.0.1:\d+.*ECONNREFUSED.*redis-server/,
  );
});

it.each(['http://localhost:6379', 'localhost:6379', 'redis://', 'nothing', 'redis://localhost/first'])(
  '%s is no address of a queue',
  (url) => {
    expect(() => queueAnswerer({ url }, {}, {})).toThrow(
      /url came as .* wanted the address of a Redis or Valkey server/,
    );
  },
);

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
