/** Laws of the scheduler: whoever else is served, each request gets the answer that the model gives alone, and leaves nothing behind. */

import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Adapter } from '../../src/adapters/adapter.ts';
import type { PromptOptions } from '../../src/api/generation-call.ts';
import type { GenerationStep } from '../../src/api/generation-options.ts';
import { Model, partsOf } from '../../src/api/model.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { pause } from '../../src/base/pause.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { hasRows } from '../../src/interventions/target.ts';
import { openModel } from '../../src/loader/open.ts';
import { targetOf } from '../../src/runtime/site-shapes.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import { readGolden } from '../goldens.ts';
import { someInterventions } from '../interventions/arbitrary.ts';

const golden = fileURLToPath(new URL('../golden/', import.meta.url));

/** A key-value cache, senses, experts, a recurrent state. */
const NAMES = ['granite-untied', 'backpack-hub', 'granite-moe-10', 'mamba-odd'] as const;

/** Few ids, so that prompts often begin alike. */
const prompts = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 70 });
const requests = fc.array(
  fc.record({
    prompt: prompts,
    maxNewTokens: fc.integer({ min: 0, max: 9 }),
    sampling: fc.constantFrom<PromptOptions>(
      {},
      { alternatives: 2 },
      { temperature: 1, seed: 5 },
      { temperature: 1, seed: 6, repetitionPenalty: 1.3, topK: 5 },
      { maxLength: 60 },
    ),
    /** With an adapter, where the model has one. */
    adapts: fc.constantFrom(false, false, true),
    /** Seed of its interventions; 0 for none. */
    change: fc.constantFrom(0, 0, 0, 1, 2, 3),
    kind: fc.constantFrom('whole', 'whole', 'whole', 'left', 'aborted', 'unread', 'failing', 'scored', 'state'),
    /** Steps after which it is left, and pauses before it arrives. */
    after: fc.integer({ min: 0, max: 4 }),
    delay: fc.integer({ min: 0, max: 6 }),
  }),
  { minLength: 2, maxLength: 9 },
);
type Wanted = typeof requests extends fc.Arbitrary<(infer R)[]> ? R : never;

const settings = fc.record({
  maxSequences: fc.integer({ min: 1, max: 5 }),
  stepTokens: fc.integer({ min: 5, max: 90 }),
  promptTokens: fc.integer({ min: 1, max: 40 }),
  cacheBytes: fc.constantFrom(0, 5e4, 1e9),
});

/** Adapters of some of the models. */
const ADAPTERS: Readonly<Record<string, string>> = {
  'backpack-hub': 'backpack',
  'granite-moe-10': 'granite-moe',
  'mamba-odd': 'mamba',
};

describe.each(NAMES)('%s', (name) => {
  let model: Model;
  let adapter: Adapter | undefined;
  const known = new Map<string, Promise<readonly GenerationStep[]>>();
  beforeAll(async () => {
    const { folder } = await readGolden(name);
    const backend = await createWasmBackend({ platform: nodePlatform, threads: 1 });
    model = await Model.load(await openModel(localFolder(folder)), backend);
    const own = ADAPTERS[name];
    adapter = own === undefined ? undefined : await model.loadAdapter(localFolder(`${golden}peft/${own}`));
  });
  afterAll(() => model.dispose());

  const optionsOf = ({ sampling, change, adapts, maxNewTokens, prompt }: Wanted): PromptOptions => ({
    ...sampling,
    ...('maxLength' in sampling && prompt.length < 60 ? {} : { maxNewTokens, maxLength: undefined }),
    ignoreEnd: true,
    ...(adapts ? { adapter } : {}),
    ...(change > 0
      ? { interventions: someInterventions(targetOf(partsOf(model).engine.model), change, { length: 12 }) }
      : {}),
  });

  /** What the model gives alone, without a cache. */
  function alone(wanted: Wanted): Promise<readonly GenerationStep[]> {
    const { sampling, change, adapts, maxNewTokens, prompt } = wanted;
    const key = JSON.stringify([sampling, change, adapts, maxNewTokens, prompt]);
    const found = known.get(key) ?? all(model.generate(prompt, optionsOf(wanted)));
    known.set(key, found);
    return found;
  }

  it('every answer is that of the model alone, and all memory returns', async () => {
    await fc.assert(
      fc.asyncProperty(requests, settings, async (some, options) => {
        const right = await Promise.all(some.map(alone));
        const scheduler = new Scheduler(model, options);
        await Promise.all(some.map((wanted, i) => serve(scheduler, wanted, right[i] as GenerationStep[])));
        await scheduler.drain(); // for those that nobody reads
        const { running, waiting, stateBytes, cacheBytes } = scheduler.stats;
        expect([running, waiting, stateBytes]).toEqual([0, 0, cacheBytes]);
        await scheduler.close();
        expect(model.stateMemory).toMatchObject({ usedBytes: 0, bytes: 0 });
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  /** A site in the middle of the model. */
  const site = () =>
    [...targetOf(partsOf(model).engine.model).sites.values()].find(
      (one) => one.name.startsWith('blocks.1.') && hasRows(one) && !one.integer,
    )?.name as string;

  async function serve(scheduler: Scheduler, wanted: Wanted, right: readonly GenerationStep[]): Promise<void> {
    const { kind, prompt, after, delay } = wanted;
    const options = optionsOf(wanted);
    for (let n = 0; n < delay; n++) await pause();
    if (kind === 'scored') {
      const { interventions, adapter } = options;
      const same = { interventions, adapter };
      expect(await scheduler.score(prompt, same)).toEqual(await model.score(prompt, same));
      return;
    }
    if (kind === 'unread') {
      scheduler.generate(prompt, options);
      return;
    }
    if (kind === 'failing') {
      const scale = () => {
        throw new Error('mine');
      };
      const interventions = [{ site: site(), scale, positions: { from: 1 } }];
      const fails = all(scheduler.generate([...prompt, 1], { ...options, maxNewTokens: 3, interventions }));
      await expect(fails).rejects.toThrow('mine');
      return;
    }
    if (kind === 'state') {
      const state = model.newState();
      const steps = await all(scheduler.generate(prompt, { ...options, state }));
      expect(withoutCache(steps)).toEqual(right);
      const generated = steps.flatMap(({ id }) => (id === undefined ? [] : [id]));
      expect(state.ids).toEqual([...prompt, ...generated]);
      state.dispose();
      return;
    }
    const stop = new AbortController();
    const steps: GenerationStep[] = [];
    const reading = (async () => {
      for await (const step of scheduler.generate(prompt, { ...options, signal: stop.signal })) {
        if (kind === 'left' && steps.length === after) break;
        if (kind === 'aborted' && steps.length === after) stop.abort(new Error('enough'));
        steps.push(step);
      }
    })();
    if (kind === 'aborted' && right.length > after + 1) await expect(reading).rejects.toThrow('enough');
    else await reading;
    if (kind === 'whole') expect(withoutCache(steps)).toEqual(right);
    else expect(withoutCache(steps)).toEqual(right.slice(0, steps.length));
  }
});

async function all(steps: AsyncIterable<GenerationStep>): Promise<GenerationStep[]> {
  const found: GenerationStep[] = [];
  for await (const step of steps) found.push(step);
  return found;
}

const withoutCache = (steps: readonly GenerationStep[]) =>
  steps.map(({ cachedTokens: _, ...step }) => step as GenerationStep);
