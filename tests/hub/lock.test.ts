import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { withLock } from '../../src/hub/lock-node.ts';
import { scratch } from './scratch.ts';

const folder = scratch();
const FAST = { beatMs: 20, staleMs: 300 };

test('of many that want it, one at a time has it, and every one gets its turn', async () => {
  const path = join(folder.path, 'deep', 'down', 'x.lock');
  let inside = 0;
  let turns = 0;
  await Promise.all(
    Array.from({ length: 8 }, () =>
      withLock(path, async () => {
        expect(++inside).toBe(1);
        await sleep(10);
        inside--;
        turns++;
      }),
    ),
  );
  expect(turns).toBe(8);
  expect(readdirSync(join(folder.path, 'deep', 'down'))).toEqual([]);
});

test('an error gives the lock back and passes through', async () => {
  const path = join(folder.path, 'x.lock');
  await expect(withLock(path, async () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
  expect(existsSync(path)).toBe(false);
});

test('a lock whose holder died is taken away by one of those that wait', async () => {
  const path = join(folder.path, 'x.lock');
  for (const mark of ['4000000 someone\n', '']) {
    writeFileSync(path, mark);
    let inside = 0;
    const start = performance.now();
    await Promise.all(
      [1, 2, 3].map(() =>
        withLock(
          path,
          async () => {
            expect(++inside).toBe(1);
            await sleep(5);
            inside--;
          },
          FAST,
        ),
      ),
    );
    expect(performance.now() - start).toBeGreaterThan(FAST.staleMs);
    expect(readdirSync(folder.path)).toEqual([]);
  }
});

test('a lock that is held for long is not stale', async () => {
  const path = join(folder.path, 'x.lock');
  const order: string[] = [];
  const first = withLock(
    path,
    async () => {
      await sleep(3 * FAST.staleMs);
      order.push('first');
    },
    FAST,
  );
  await sleep(30);
  let waits = 0;
  await withLock(path, async () => void order.push('second'), { ...FAST, onWait: () => waits++ });
  await first;
  expect(order).toEqual(['first', 'second']);
  expect(waits).toBeGreaterThan(3);
});

test('a holder whose lock is gone is told, and starts again', async () => {
  const path = join(folder.path, 'x.lock');
  let runs = 0;
  const result = await withLock(
    path,
    async ({ signal, check }) => {
      runs++;
      if (runs > 1) return 'whole';
      rmSync(path);
      if (runs === 1) await expect(check()).rejects.toThrow();
      await new Promise((_, reject) => {
        if (signal.aborted) reject(signal.reason);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
      return 'broken';
    },
    FAST,
  );
  expect([result, runs]).toEqual(['whole', 2]);
});

test('a lock that another has taken is not removed by the one that lost it', async () => {
  const path = join(folder.path, 'x.lock');
  const controller = new AbortController();
  const lost = withLock(
    path,
    async ({ signal }) => {
      writeFileSync(path, 'another\n');
      await sleep(5000, undefined, { signal });
    },
    { ...FAST, staleMs: 60_000, signal: controller.signal },
  );
  await sleep(200);
  controller.abort();
  await expect(lost).rejects.toThrow('aborted');
  expect(existsSync(path)).toBe(true);
});

test('waiting ends when the caller aborts', async () => {
  const path = join(folder.path, 'x.lock');
  mkdirSync(folder.path, { recursive: true });
  writeFileSync(path, 'held');
  const reason = new Error('enough');
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 30);
  await expect(withLock(path, async () => 'never', { signal: controller.signal })).rejects.toBe(reason);
});
