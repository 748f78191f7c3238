/** Who begins, who waits and who is refused; what a failure, a slow reader or an end leaves behind. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { GenerationStep } from '../../src/api/generation-options.ts';
import { Model, partsOf } from '../../src/api/model.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openModel } from '../../src/loader/open.ts';
import type { Engine, Request } from '../../src/runtime/engine.ts';
import { QueueFullError, SchedulerClosedError, StateBusyError, StateMemoryError } from '../../src/scheduler/errors.ts';
import { isolatedStep } from '../../src/scheduler/isolated-step.ts';
import type { StepReport } from '../../src/scheduler/options.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import { readGolden } from '../goldens.ts';

const load = async (name: string) => {
  const { folder } = await readGolden(name);
  const backend = await createWasmBackend({ platform: nodePlatform, threads: 1 });
  return Model.load(await openModel(localFolder(folder)), backend);
};
const text = (length: number, first = 1) => Array.from({ length }, (_, i) => 1 + ((i + first) % 9));
const PAGE = 64;

async function all(steps: AsyncIterable<GenerationStep>): Promise<GenerationStep[]> {
  const found: GenerationStep[] = [];
  for await (const step of steps) found.push(step);
  return found;
}

describe.each(['granite-untied', 'mamba-odd'])('%s', (name) => {
  let model: Model;
  beforeAll(async () => {
    model = await load(name);
  });
  afterAll(() => model.dispose());
  const options = { ignoreEnd: true, maxNewTokens: 4 };

  it('requests wait in order; when too many wait, further ones are refused and told when to come again', async () => {
    await using scheduler = new Scheduler(model, { maxSequences: 1, maxWaiting: 2, cacheBytes: 0 });
    const ended: number[] = [];
    const running = [0, 1, 2].map(async (i) => {
      await all(scheduler.generate(text(5, i), options));
      ended.push(i);
    });
    const refused = () => scheduler.generate(text(5), options);
    expect(refused).toThrow(QueueFullError);
    expect(refused).toThrow(/2|3/);
    try {
      refused();
    } catch (error) {
      const { retryAfterSeconds } = error as QueueFullError;
      expect([Number.isInteger(retryAfterSeconds), retryAfterSeconds >= 1]).toEqual([true, true]);
    }
    await Promise.all(running);
    expect(ended).toEqual([0, 1, 2]);
    expect(scheduler.stats).toMatchObject({ running: 0, waiting: 0, arrived: 3, ended: 3, refused: 3, stateBytes: 0 });
    await all(scheduler.generate(text(5), options)); // there is room again
  });

  it('what can never fit is refused at once with numbers, all else waits; states never take more than the memory', async () => {
    const { pages, slots } = partsOf(model).engine.pool;
    const memory = 3 * pages.unitBytes + 2 * slots.unitBytes + 1;
    let most = 0;
    const onStep = () => {
      most = Math.max(most, model.stateMemory.usedBytes);
    };
    await using scheduler = new Scheduler(model, { memory, onStep });
    if (pages.unitBytes > 0) {
      const tooLong = () => scheduler.generate(text(4 * PAGE), options);
      expect(tooLong).toThrow(StateMemoryError);
      expect(tooLong).toThrow(new RegExp(`${4 * PAGE + 4} tokens .* ${memory}`));
    }
    const lengths = [PAGE, 2 * PAGE, 5, PAGE, 9, 2 * PAGE];
    const right = await Promise.all(lengths.map((length, i) => all(model.generate(text(length, i), options))));
    const found = await Promise.all(lengths.map((length, i) => all(scheduler.generate(text(length, i), options))));
    for (const [i, steps] of found.entries()) expect(steps.map(({ id }) => id)).toEqual(right[i]?.map(({ id }) => id));
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(memory);
    // A session that somebody keeps is memory that is taken; nobody would ever make room.
    const session = model.newState();
    await all(model.generate(text(2 * PAGE), { ...options, state: session }));
    const second = model.newState();
    await all(model.generate(text(PAGE), { ...options, state: second }));
    await expect(all(scheduler.generate(text(2 * PAGE), options))).rejects.toThrow(/held by states outside/);
    for (const state of [session, second]) state.dispose();
    await all(scheduler.generate(text(PAGE), options));
  });

  it('a state serves one request at a time, and may be continued when that has ended', async () => {
    await using scheduler = new Scheduler(model);
    const state = model.newState();
    const first = all(scheduler.generate(text(7), { ...options, state }));
    expect(() => scheduler.generate(text(3), { ...options, state })).toThrow(StateBusyError);
    await first;
    const more = await all(scheduler.generate(text(3), { ...options, state }));
    const alone = model.newState();
    await all(model.generate(text(7), { ...options, state: alone }));
    expect(more).toEqual(await all(model.generate(text(3), { ...options, state: alone })));
    for (const one of [state, alone]) one.dispose();
    expect(model.stateMemory.usedBytes).toBe(0);
  });

  it('a sequence whose reader takes nothing pauses, others go on, and its answer is the same', async () => {
    await using scheduler = new Scheduler(model, { maxSequences: 3, cacheBytes: 0 });
    const long = { ...options, maxNewTokens: 30 };
    const unread = () => scheduler.generate(text(5), { ...long, maxUnread: 4 });
    const [first, second, left] = [unread(), unread(), unread()];
    await first.next();
    await vi.waitUntil(() => scheduler.stats.generatedTokens >= 10, { timeout: 20_000 }); // 3 + 3 + 4: the first token of each comes with its prompt
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(scheduler.stats.generatedTokens).toBe(10);
    const stopped = all(scheduler.generate(text(7), long)); // waits for the place of one that is paused
    await left.return();
    expect(await stopped).toEqual(await all(model.generate(text(7), long)));
    expect(scheduler.stats.generatedTokens).toBe(10 + 29);
    const right = (await all(model.generate(text(5), long))).map(({ id }) => id);
    expect([...(await all(second))].map(({ id }) => id)).toEqual(right);
    const closing = all(first);
    await scheduler.drain();
    expect((await closing).map(({ id }) => id)).toEqual(right.slice(1));
    expect(scheduler.stats).toMatchObject({ running: 0, stateBytes: 0 });
  });

  it('when all that run are paused, the scheduler closes, and who waits may leave', async () => {
    const scheduler = new Scheduler(model, { maxSequences: 1, cacheBytes: 0 });
    const paused = scheduler.generate(text(5), { ...options, maxUnread: 1 });
    await vi.waitUntil(() => scheduler.stats.steps > 0, { timeout: 20_000 });
    const abort = new AbortController();
    const waiting = all(scheduler.generate(text(5), { ...options, signal: abort.signal }));
    abort.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
    await scheduler.close();
    await expect(all(paused)).rejects.toThrow(SchedulerClosedError);
    expect(model.stateMemory.usedBytes).toBe(0);
    expect(() => new Scheduler(model).generate(text(3), { maxUnread: 0 })).toThrow(/maxUnread came as 0/);
  });

  it('a prompt that begins like an earlier one is read from where they differ, with the same answer', async () => {
    await using scheduler = new Scheduler(model);
    const prompt = text(2 * PAGE);
    const [first, second] = [
      await all(scheduler.generate(prompt, options)),
      await all(scheduler.generate(prompt, options)),
    ];
    expect(first.at(-1)?.cachedTokens).toBe(0);
    expect(second.at(-1)?.cachedTokens).toBe(prompt.length - 1);
    expect(second.slice(0, -1)).toEqual(first.slice(0, -1));
  });

  it('a prompt that comes several times at once is read once', async () => {
    await using scheduler = new Scheduler(model);
    const prompt = text(3 * PAGE);
    const alone = (await all(model.generate(prompt, options))).slice(0, -1);
    const answers = await Promise.all([1, 2, 3, 4].map(() => all(scheduler.generate(prompt, options))));
    for (const steps of answers) expect(steps.slice(0, -1)).toEqual(alone);
    expect(scheduler.stats.promptTokens).toBe(prompt.length + 3);
    // What comes behind them does not wait for them.
    const other = scheduler.generate(text(5, 4), { ...options, maxNewTokens: 1 });
    await all(other);
  });

  it('prompts that come at once and begin alike: what several share is read once', async () => {
    await using scheduler = new Scheduler(model);
    const start = text(3 * PAGE);
    const further = text(40, 5);
    const ends = [[1], [2, 2], [3], [...further, 4], [...further, 5], [...further, 6, 6]];
    const prompts = ends.map((end) => [...start, ...end]);
    const right = await Promise.all(prompts.map((prompt) => all(model.generate(prompt, options))));
    const found = await Promise.all(prompts.map((prompt) => all(scheduler.generate(prompt, options))));
    for (const [i, steps] of found.entries()) expect(steps.map(({ id }) => id)).toEqual(right[i]?.map(({ id }) => id));
    const unshared = ends.reduce((sum, end) => sum + end.length, 0) - 2 * further.length;
    expect(scheduler.stats.promptTokens).toBeLessThanOrEqual(start.length + unshared + ends.length);
  });

  it('pages that requests share count once, so that more of them run at a time', async () => {
    const { pages, slots } = partsOf(model).engine.pool;
    if (pages.unitBytes === 0) return;
    const memory = 4 * (pages.unitBytes + slots.unitBytes) + 2 * pages.unitBytes;
    let [most, bytes] = [0, 0];
    const scheduler = new Scheduler(model, {
      memory,
      cacheBytes: memory,
      onStep: () => {
        most = Math.max(most, scheduler.stats.running);
        bytes = Math.max(bytes, model.stateMemory.usedBytes);
      },
    });
    const prompts = [1, 2, 3, 4].map((last) => [...text(2 * PAGE), last]);
    await Promise.all(prompts.map((prompt) => all(scheduler.generate(prompt, { ...options, maxNewTokens: 20 }))));
    expect(most).toBeGreaterThanOrEqual(3);
    expect(bytes).toBeLessThanOrEqual(memory);
    await scheduler.close();
  });

  it('nobody stalls: who decodes gets a token in each step, and a short prompt ends soon beside a long one', async () => {
    const reports: StepReport[] = [];
    const scheduler = new Scheduler(model, {
      ...{ stepTokens: 40, promptTokens: 20, cacheBytes: 0 },
      onStep: (report) => reports.push(report),
    });
    const decoding = all(scheduler.generate(text(3), { ...options, maxNewTokens: 30 }));
    const long = all(scheduler.generate(text(400), options));
    const short = scheduler.generate(text(10), { ...options, maxNewTokens: 1 });
    await all(short);
    expect(reports.length).toBeLessThanOrEqual(4);
    await decoding;
    const steps = reports.slice(1, 30);
    expect(steps.every(({ generatedTokens }) => generatedTokens >= 1)).toBe(true);
    expect(steps.every(({ promptTokens }) => promptTokens <= 20)).toBe(true);
    await long;
    expect(reports.length).toBeLessThanOrEqual(30 + 400 / 20);
    await scheduler.close();
  });

  it('draining ends what has begun and refuses the rest; closing ends all, and everything is free', async () => {
    const draining = new Scheduler(model);
    const answer = all(draining.generate(text(5), options));
    const drained = draining.drain();
    expect(() => draining.generate(text(5), options)).toThrow(SchedulerClosedError);
    await drained;
    expect((await answer).at(-1)?.finishReason).toBe('length');
    await draining.close();
    const closing = new Scheduler(model, { maxSequences: 1 });
    const answers = [1, 2].map((i) => all(closing.generate(text(50, i), { ...options, maxNewTokens: 200 })));
    const score = closing.score(text(40));
    const ends = [...answers, score].map((one) => expect(one).rejects.toThrow(SchedulerClosedError));
    await closing.close();
    await Promise.all(ends);
    expect(model.stateMemory).toMatchObject({ usedBytes: 0, bytes: 0 });
  });

  it('a pass that fails is tried for each request alone, also from the start, and only the culprit fails', async () => {
    const { engine } = partsOf(model);
    const states = [model.newState(), model.newState(), model.newState()] as const;
    const read = (ids: number[]): Request[] => states.map((state) => ({ state, ids }));
    await engine.read(read(text(6)));
    const right = await Promise.all(
      states.map(async () => {
        const state = model.newState();
        const [logits] = await engine.read([{ state, ids: [...text(6), 3] }]);
        state.dispose();
        return logits;
      }),
    );
    const [, culprit] = states;
    const failing = {
      read: (requests: Request[]) => engine.read(requests),
      step: async (requests: readonly Request[]) => {
        if (!requests.some(({ state }) => state === culprit)) return engine.step(requests);
        for (const { state } of requests) state.begin(); // as a pass that fails in the middle
        throw new Error('broken');
      },
    } as unknown as Engine;
    const outcomes = await isolatedStep(failing, read([3]), new Set());
    expect(outcomes.map(({ failure }) => failure?.error)).toEqual([undefined, new Error('broken'), undefined]);
    for (const i of [0, 2]) {
      expect(outcomes[i]?.output).toEqual(right[i]);
      expect(states[i]?.ids).toEqual([...text(6), 3]);
    }
    for (const state of states) state.dispose();
  });

  it('errors come at the call, before anything waits', async () => {
    await using scheduler = new Scheduler(model);
    const bad: [readonly number[], object, RegExp][] = [
      [[], {}, /after no token/],
      [[9999], {}, /9999/],
      [[1], { temprature: 1 }, /temprature/],
      [[1], { cache: model.newPrefixCache() }, /cache/],
      [[1], { adapterOf: [] }, /adapterOf/],
    ];
    for (const [prompt, options, message] of bad) expect(() => scheduler.generate(prompt, options)).toThrow(message);
    expect(() => new Scheduler(model, { maxSequences: 9, stepTokens: 8 })).toThrow(/at least maxSequences, 9/);
    await expect(scheduler.score([9999])).rejects.toThrow(/9999/);
    expect(scheduler.stats.arrived).toBe(0);
  });
});
