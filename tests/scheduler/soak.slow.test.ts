/** Minutes of random requests, some of which are left or aborted: memory stays flat, and answers stay those of the model alone. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PromptOptions } from '../../src/api/generation-call.ts';
import { Model, partsOf } from '../../src/api/model.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openModel } from '../../src/loader/open.ts';
import { QueueFullError } from '../../src/scheduler/errors.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import { readGolden } from '../goldens.ts';
import { generator } from '../ops/cases.ts';

/** Of each model. */
const SECONDS = Number(process.env.SOAK_SECONDS ?? 60);
const CLIENTS = 24;

describe.each(['granite-untied', 'mamba-odd'])('%s', (name) => {
  let model: Model;
  beforeAll(async () => {
    const { folder } = await readGolden(name);
    const backend = await createWasmBackend({ platform: nodePlatform, threads: 2 });
    model = await Model.load(await openModel(localFolder(folder)), backend);
  });
  afterAll(() => model.dispose());

  it('memory stays flat', { timeout: (SECONDS + 120) * 1000 }, async () => {
    const seed = fc.sample(fc.integer({ min: 1, max: 1e6 }), 1)[0] as number;
    const random = generator(seed);
    const below = (n: number) => Math.floor(random() * n);
    const { pages, slots } = partsOf(model).engine.pool;
    const memory = 40 * pages.unitBytes + 40 * slots.unitBytes;
    let most = 0;
    const scheduler = new Scheduler(model, {
      ...{ maxSequences: 8, maxWaiting: 12, memory },
      onStep: () => {
        most = Math.max(most, model.stateMemory.usedBytes);
      },
    });
    const until = performance.now() + SECONDS * 1000;
    let [answers, refused] = [0, 0];
    const client = async () => {
      while (performance.now() < until) {
        const prompt = Array.from({ length: 1 + below(150) }, () => 1 + below(3));
        const options: PromptOptions = {
          ...{ ignoreEnd: true, maxNewTokens: below(30) },
          ...(below(2) === 0 ? { temperature: 1, seed: below(100) } : {}),
        };
        const stop = new AbortController();
        const leaves = below(4) === 0 ? below(10) : -1;
        const ids: number[] = [];
        try {
          for await (const { id } of scheduler.generate(prompt, { ...options, signal: stop.signal })) {
            if (id !== undefined) ids.push(id);
            if (ids.length === leaves) {
              if (below(2) === 0) break;
              stop.abort();
            }
          }
          if (leaves < 0 && below(10) === 0) expect(ids).toEqual((await model.complete(prompt, options)).ids);
          answers++;
        } catch (error) {
          if (error instanceof QueueFullError) refused++;
          else if ((error as Error).name !== 'AbortError') throw error;
          await new Promise((resolve) => setTimeout(resolve, below(20)));
        }
      }
    };
    const heap: number[] = [];
    const watching = setInterval(() => heap.push(process.memoryUsage().rss), (SECONDS * 1000) / 20);
    await Promise.all(Array.from({ length: CLIENTS }, client));
    clearInterval(watching);
    await scheduler.drain();
    const { cacheBytes, stateBytes } = scheduler.stats;
    expect(stateBytes, `seed ${seed}`).toBe(cacheBytes);
    await scheduler.close();
    expect([answers, refused].every((count) => count > 0)).toBe(true);
    // `complete` beside the scheduler takes memory that it does not know of yet.
    expect(most).toBeLessThanOrEqual(memory + CLIENTS * (4 * pages.unitBytes + slots.unitBytes));
    expect(model.stateMemory).toMatchObject({ usedBytes: 0, bytes: 0 });
    const half = heap.slice(heap.length / 2);
    const growth = (half.at(-1) as number) / (half[0] as number);
    expect(growth, `resident bytes: ${heap.join(', ')}`).toBeLessThan(1.2);
  });
});
