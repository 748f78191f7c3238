/** Laws of the prefix cache: it changes the cost of a text, and nothing else. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model, partsOf } from '../../src/api/model.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openModel } from '../../src/loader/open.ts';

const folderOf = (name: string) => fileURLToPath(new URL(`../../models/${name}`, import.meta.url));
const NAMES = ['backpack-tiny', 'bitnet-tiny', 'granite-tiny', 'mamba-tiny'].filter((name) =>
  existsSync(folderOf(name)),
);
const load = async (name: string) =>
  Model.load(
    await openModel(localFolder(folderOf(name))),
    await createWasmBackend({ platform: nodePlatform, threads: 1 }),
  );

/** Few ids, so that random texts often begin alike. */
const texts = fc.array(fc.integer({ min: 5, max: 7 }), { minLength: 1, maxLength: 12 });
const turns = fc.array(
  fc.record({
    /** Which of the texts so far is gone on from, and how many of its tokens are kept. */
    from: fc.nat(),
    share: fc.constantFrom(0, 0.5, 0.9, 1),
    more: texts,
    maxNewTokens: fc.integer({ min: 0, max: 4 }),
    end: fc.constantFrom('whole', 'whole', 'whole', 'left', 'aborted'),
  }),
  { minLength: 2, maxLength: 7 },
);

describe.each(NAMES)('%s', (name) => {
  let model: Model;
  let recurrent: boolean;
  beforeAll(async () => {
    model = await load(name);
    const state = model.newState();
    recurrent = !state.rewindable;
    state.dispose();
  });
  afterAll(() => model.dispose());
  const liveBytes = () => partsOf(model).engine.backend.memory().liveBytes;
  const options = { ignoreEnd: true, temperature: 1, repetitionPenalty: 1.2, seed: 3 };

  it('gives the same bits with a cache as without, whatever was read before, and keeps to its budget', async () => {
    const before = liveBytes();
    await fc.assert(
      fc.asyncProperty(turns, fc.constantFrom(0, 3e5, 1e6, 1e9), async (conversation, maxBytes) => {
        const cache = model.newPrefixCache({ maxBytes });
        const read: (readonly number[])[] = [[]];
        for (const { from, share, more, maxNewTokens, end } of conversation) {
          const old = read[from % read.length] as readonly number[];
          const prompt = [...old.slice(0, Math.floor(share * old.length)), ...more];
          if (end !== 'whole') {
            const stop = new AbortController();
            const steps = model.generate(prompt, { ...options, maxNewTokens: 6, cache, signal: stop.signal });
            const failing = (async () => {
              for await (const step of steps) {
                if (step.id === undefined || end === 'left') break;
                stop.abort();
              }
            })();
            await failing.catch((error) => expect(error.name).toBe('AbortError'));
          }
          const wanted = await model.complete(prompt, { ...options, maxNewTokens });
          const { cachedTokens, ...given } = await model.complete(prompt, { ...options, maxNewTokens, cache });
          expect({ ...given, cachedTokens: 0 }).toEqual(wanted);
          expect(cachedTokens).toBeLessThan(prompt.length);
          expect(cache.bytes).toBeLessThanOrEqual(maxBytes);
          expect(partsOf(model).engine.pool.usedBytes).toBe(cache.bytes); // nobody else holds memory of states
          read.push([...prompt, ...given.ids]);
        }
        cache.dispose();
        expect(liveBytes()).toBe(before);
      }),
      { numRuns: 12 },
    );
  });

  it('reads the new tokens only, of a text that is continued, repeated, or continued in another way', async () => {
    const cache = model.newPrefixCache();
    const prompt = [5, 6, 7, 8, 9, 10, 11, 12];
    const complete = (ids: readonly number[]) => model.complete(ids, { ...options, maxNewTokens: 3, cache });
    const first = await complete(prompt);
    expect(first.cachedTokens).toBe(0);
    expect((await complete(prompt)).cachedTokens).toBe(prompt.length - 1);
    const all = [...prompt, ...first.ids];
    const second = await complete([...all, 13, 14]);
    expect(second.cachedTokens).toBe(all.length - 1); // the last token was never read
    expect((await complete([...all, 15, 16])).cachedTokens).toBe(recurrent ? all.length - 1 : all.length);
    expect((await complete([...all, 13, 14, ...second.ids, 9])).cachedTokens).toBe(all.length + 2 + 3 - 1);
    // Two that part in the middle: a recurrent state stands there only after it has met the second.
    const parted = [...prompt.slice(0, 4), 20, 21, 22];
    expect((await complete(parted)).cachedTokens).toBe(recurrent ? 0 : 4);
    expect((await complete([...prompt.slice(0, 4), 30, 31])).cachedTokens).toBe(4);
    cache.dispose();
  });

  it('serves several prompts at once, and calls that run at the same time', async () => {
    const cache = model.newPrefixCache();
    const system = Array.from({ length: 20 }, (_, i) => 5 + i);
    await model.complete(system, { maxNewTokens: 0, cache });
    await model.complete([...system, 40], { maxNewTokens: 1, cache });
    const prompts = [40, 41, 42].map((id) => [...system, id, id + 1]);
    const steps = [];
    for await (const step of model.generate(prompts, { ...options, maxNewTokens: 2, cache })) steps.push(step);
    const cached = steps.filter(({ finishReason }) => finishReason).map(({ cachedTokens }) => cachedTokens);
    expect(cached).toEqual([21, 20, 20]);
    const wanted = await Promise.all(prompts.map((ids) => model.complete(ids, { ...options, maxNewTokens: 4 })));
    const given = await Promise.all(prompts.map((ids) => model.complete(ids, { ...options, maxNewTokens: 4, cache })));
    expect(given.map(({ ids }) => ids)).toEqual(wanted.map(({ ids }) => ids));
    cache.dispose();
  });

  it('keeps no state of a pass that failed half-way', async () => {
    const cache = model.newPrefixCache();
    const prompt = [5, 6, 7, 8, 9];
    const wanted = await model.complete([...prompt, 10], { ...options, maxNewTokens: 3 });
    await model.complete(prompt, { ...options, maxNewTokens: 2, cache });
    const { backend } = partsOf(model).engine;
    const { read } = backend;
    backend.read = async () => {
      throw new Error('out of order');
    };
    await expect(model.complete([...prompt, 10], { ...options, cache })).rejects.toThrow('out of order');
    backend.read = read;
    expect((await model.complete([...prompt, 10], { ...options, maxNewTokens: 3, cache })).ids).toEqual(wanted.ids);
    cache.dispose();
  });

  it('copies a recurrent state now and then in a long prompt', async () => {
    const { contextLength = Number.POSITIVE_INFINITY } = model.facts;
    if (contextLength < 1200) return;
    const cache = model.newPrefixCache();
    const prompt = Array.from({ length: 1100 }, (_, i) => 5 + (i % 90));
    await model.complete(prompt, { maxNewTokens: 0, cache });
    await model.complete(prompt, { maxNewTokens: 1, cache });
    const parted = [...prompt.slice(0, 1050), 3, 4];
    expect((await model.complete(parted, { maxNewTokens: 1, cache })).cachedTokens).toBe(recurrent ? 1024 : 1050);
    cache.dispose();
  });
});

it('refuses what makes no sense', async () => {
  const [model, other] = await Promise.all([load('mamba-tiny'), load('mamba-tiny')]);
  const cache = model.newPrefixCache();
  expect(() => model.newPrefixCache({ maxBytes: Number.NaN })).toThrow(/NaN/);
  await expect(other.complete([5], { cache })).rejects.toThrow(/another model/);
  const state = model.newState();
  await expect(model.complete([5], { cache, state })).rejects.toThrow(/one of the two/);
  cache.dispose();
  await expect(model.complete([5], { cache })).rejects.toThrow(/disposed/);
  await Promise.all([model.dispose(), other.dispose()]);
});
