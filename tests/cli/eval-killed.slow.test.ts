/** Runs that are killed at any moment, from the start of the process to its end, lose nothing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { Random } from '../../src/sampler/random.ts';
import { cli } from './cli.ts';
import { killed, TASK, taskFolder, writtenIn } from './evaluations.ts';

vi.setConfig({ testTimeout: 1_200_000 });

/** Moments at which runs are killed. */
const MOMENTS = 50;

test(`killed at ${MOMENTS} moments, a run ends as one that was not`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'eval-'));
  try {
    const tasks = taskFolder(join(folder, 'tasks'), 100);
    const args = (name: string) => [
      ...['eval', 'granite-tiny', '--tasks', TASK, '--include-path', tasks, '--threads', '1', '--log-samples'],
      ...['--resume', '--output-path', join(folder, name)],
    ];
    const begin = performance.now();
    await cli(args('whole'));
    const wholeMs = performance.now() - begin;
    const expected = writtenIn(join(folder, 'whole', 'granite-tiny'));
    const random = Random.fromSeed(3);
    for (let i = 0; i < MOMENTS; i++) {
      const name = `killed-${i}`;
      const moment = performance.now() + (1.1 * wholeMs * random.word()) / 2 ** 32;
      await killed(args(name), () => performance.now() >= moment);
      expect((await cli(args(name))).code).toBe(0);
      expect(writtenIn(join(folder, name, 'granite-tiny')), `moment ${i}`).toEqual(expected);
      rmSync(join(folder, name), { recursive: true });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
