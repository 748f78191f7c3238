/** Runs by a queue and their workers, one of which is killed at any moment, lose nothing: each document is there once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { Random } from '../../src/sampler/random.ts';
import { redisServer, startRedis } from '../redis.ts';
import { cli, start } from './cli.ts';
import { killed, TASK, taskFolder, writtenIn } from './evaluations.ts';

vi.setConfig({ testTimeout: 3_600_000 });

/** Moments at which the run, or the only worker, is killed. */
const MOMENTS = 50;

test.skipIf(!redisServer)(`with one of them killed at ${MOMENTS} moments, a run ends as one that was not`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'queue-killed-'));
  const redis = await startRedis();
  const worker = () =>
    start(['worker', '--queue', redis.url, '--model', 'granite-tiny', '--threads', '1', '--lost-after', '1']);
  const args = (name: string, ...more: string[]) => [
    ...[
      'eval',
      'granite-tiny',
      '--tasks',
      TASK,
      '--include-path',
      join(folder, 'tasks'),
      '--threads',
      '1',
      '--log-samples',
    ],
    ...['--resume', '--output-path', join(folder, name), ...more],
  ];
  const byQueue = (name: string) => args(name, '--queue', redis.url, '--queue-batch', '12');
  let own = worker();
  try {
    taskFolder(join(folder, 'tasks'), 60);
    await cli(args('whole'));
    const expected = writtenIn(join(folder, 'whole', 'granite-tiny'));
    const begin = performance.now();
    await cli(byQueue('first'));
    const wholeMs = performance.now() - begin;
    const random = Random.fromSeed(5);
    for (let i = 0; i < MOMENTS; i++) {
      const name = `killed-${i}`;
      const moment = performance.now() + (1.1 * wholeMs * random.word()) / 2 ** 32;
      if (i % 2 === 0) {
        await killed(byQueue(name), () => performance.now() >= moment);
        expect((await cli(byQueue(name))).code, `moment ${i}`).toBe(0);
      } else {
        const run = start(byQueue(name));
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, moment - performance.now())));
        own.child.kill('SIGKILL');
        await own.ended;
        own = worker();
        expect((await run.ended).code, `moment ${i}`).toBe(0);
      }
      expect(writtenIn(join(folder, name, 'granite-tiny')), `moment ${i}`).toEqual(expected);
      rmSync(join(folder, name), { recursive: true });
    }
  } finally {
    own.child.kill('SIGKILL');
    await own.ended;
    await redis.stop();
    rmSync(folder, { recursive: true });
  }
});
