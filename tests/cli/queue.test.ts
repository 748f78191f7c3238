/** `eval --queue` and `worker`: workers that are killed, added, stopped or wrong, each a process of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort, type RedisServer, redisServer, startRedis } from '../redis.ts';
import { cli, type Started, start } from './cli.ts';
import { answersIn, TASK, taskFolder, writtenIn } from './evaluations.ts';

vi.setConfig({ testTimeout: 120_000 });

describe.skipIf(!redisServer)('evaluated by a queue', () => {
  let redis: RedisServer;
  let folder: string;
  let tasks: string;
  let started: Started[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'queue-'));
    tasks = taskFolder(join(folder, 'tasks'), 60);
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis.stop();
    rmSync(folder, { recursive: true });
  });
  afterEach(async () => {
    for (const { child } of started) child.kill('SIGKILL');
    await Promise.all(started.map(({ ended }) => ended));
    started = [];
  });

  const evaluation = (name: string, ...more: string[]) => [
    ...['eval', 'granite-tiny', '--tasks', TASK, '--include-path', tasks, '--threads', '1', '--log-samples'],
    ...['--output-path', join(folder, name), ...more],
  ];
  const byQueue = (name: string, ...more: string[]) =>
    evaluation(name, '--queue', redis.url, '--queue-batch', '12', ...more);
  const run = (args: readonly string[]): Started => {
    const one = start(args);
    started.push(one);
    return one;
  };
  const worker = (...more: string[]) =>
    run(['worker', '--queue', redis.url, '--model', 'granite-tiny', '--threads', '1', '--lost-after', '1', ...more]);
  const written = (name: string) => writtenIn(join(folder, name, 'granite-tiny'));
  const answered = async (name: string, count: number) => {
    while (answersIn(join(folder, name, 'granite-tiny')) < count) await setTimeout(2);
  };

  beforeAll(async () => {
    await cli(evaluation('local'));
  });

  it('a worker is killed in the middle, another is added, and the files are those of one machine', async () => {
    const first = worker();
    const whole = run(byQueue('killed'));
    await answered('killed', 1);
    first.child.kill('SIGKILL');
    await first.ended;
    worker();
    worker();
    const { code, stderr } = await whole.ended;
    expect([code, stderr]).toEqual([0, expect.stringContaining('wrote')]);
    expect(written('killed')).toEqual(written('local'));
  });

  it('a worker that stands still and comes back does no harm', async () => {
    const first = worker();
    const whole = run(byQueue('slow'));
    await answered('slow', 1);
    first.child.kill('SIGSTOP');
    worker();
    await answered('slow', 60);
    first.child.kill('SIGCONT');
    expect((await whole.ended).code).toBe(0);
    expect(written('slow')).toEqual(written('local'));
  });

  it('the run itself is killed, goes on with --resume, and each document is there once', async () => {
    worker();
    worker();
    const whole = run(byQueue('resumed'));
    await answered('resumed', 1);
    whole.child.kill('SIGKILL');
    await whole.ended;
    expect((await cli(byQueue('resumed', '--resume'))).code).toBe(0);
    expect(written('resumed')).toEqual(written('local'));
  });

  it('a worker with another format of weights is refused', async () => {
    const whole = run(byQueue('wrong'));
    while (!/no worker/.test(stderrOf(whole))) await setTimeout(20);
    const { code, stderr } = await worker('--weights', 'q8').ended;
    expect([code, stderr]).toEqual([2, expect.stringMatching(/are for another model; .*the format of the weights/)]);
    const right = worker();
    expect((await whole.ended).code).toBe(0);
    right.child.kill('SIGINT');
    expect((await right.ended).code).toBe(130);
    expect(written('wrong')).toEqual(written('local'));
  });
});

const errors = new WeakMap<Started, string>();

/** What a process has told until now. */
function stderrOf(one: Started): string {
  if (!errors.has(one)) {
    errors.set(one, '');
    one.child.stderr.on('data', (piece: Buffer) => errors.set(one, errors.get(one) + piece.toString()));
  }
  return errors.get(one) as string;
}

it.each([
  ['worker', ['--model', 'granite-tiny']],
  ['eval', ['granite-tiny', '--tasks', 'arc_easy']],
])('%s tells that there is no server, and what is no address', async (command, more) => {
  const missing = await cli([command, ...more, '--queue', `redis://127.0.0.1:${await freePort()}`]);
  expect([missing.code, missing.stderr]).toEqual([
    2,
    expect.stringMatching(/no Redis or Valkey server answers.*ECONNREFUSED/),
  ]);
  const wrong = await cli([command, ...more, '--queue', 'http://localhost:6379']);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/the address of a Redis or Valkey server/)]);
});
