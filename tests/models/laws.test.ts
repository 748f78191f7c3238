/** What must hold of every family on every backend, whatever its numbers are. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model, partsOf } from '../../src/api/model.ts';
import type { TypedArray } from '../../src/base/tensor.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openModel } from '../../src/loader/open.ts';
import { tapOf } from '../../src/models/tap.ts';
import { saveModel } from '../../src/node.ts';
import type { State } from '../../src/runtime/state.ts';
import { backends, casesByBackend } from '../backends.ts';
import { type Golden, readGolden } from '../goldens.ts';

const NAMES = [
  'backpack-hub',
  'granite-moe-10',
  'granite-moe-shared',
  'granite-untied',
  'llama-grouped',
  'llama-2b4t',
  'llama-online',
  'llama-rope-dynamic',
  'mamba-odd',
  'falcon-mamba',
];

/** Logits of all positions, read in pieces of these lengths. */
async function logitsOf(model: Model, state: State, ids: readonly number[], pieces: readonly number[]) {
  const all: number[] = [];
  let from = 0;
  for (const length of pieces) {
    const some = ids.slice(from, from + length);
    await partsOf(model).engine.read([{ ids: some, state, rows: 'all', visit: (_, logits) => all.push(...logits) }]);
    from += length;
  }
  return all;
}

const COMBINATIONS = casesByBackend(NAMES).flatMap(([backend, create, names]) =>
  names.map((name) => [name, backend, create] as const),
);

describe.each(COMBINATIONS)('%s, %s', (name, _, create) => {
  let golden: Golden;
  let model: Model;
  let ids: readonly number[];
  const load = async (folder: string) => Model.load(await openModel(localFolder(folder)), await create());

  beforeAll(async () => {
    golden = await readGolden(name);
    ids = [...golden.ids, ...golden.greedy].slice(0, 24);
    model = await load(golden.folder);
  });
  afterAll(() => model.dispose());

  it('gives the same bits with a cache as without, in whatever pieces a text is read', async () => {
    const wanted = await logitsOf(model, model.newState(), ids, [ids.length]);
    const vocabulary = wanted.length / ids.length;
    expect(await logitsOf(model, model.newState(), ids, [3, 1, 7, 1, ids.length - 12])).toEqual(wanted);
    expect(await logitsOf(model, model.newState(), ids, new Array(ids.length).fill(1))).toEqual(wanted);
    const shorter = await logitsOf(model, model.newState(), ids.slice(0, 10), [10]);
    expect(shorter).toEqual(wanted.slice(0, 10 * vocabulary));
  });

  it('gives each prompt of several the same bits as alone', async () => {
    const prompts = [ids.slice(0, 5), ids.slice(3, 4), ids.slice(0, 17), ids.slice(2, 9)];
    const together: number[][] = prompts.map(() => []);
    const logprobs: number[][] = prompts.map(() => []);
    const options = { maxNewTokens: 6, ignoreEnd: true, temperature: 0.8, seed: 5 };
    for await (const step of model.generate(prompts, options)) {
      if (step.id !== undefined) together[step.index]?.push(step.id);
      if (step.logprob !== undefined) logprobs[step.index]?.push(step.logprob);
    }
    for (const [i, prompt] of prompts.entries()) {
      const alone = await model.complete(prompt, options);
      expect(together[i]).toEqual(alone.ids);
      expect(logprobs[i]).toEqual(alone.logprobs);
    }
  });

  it('goes on from a copied, rewound, saved or loaded state as from the state itself', async () => {
    const wanted = await logitsOf(model, model.newState(), ids, [12, ids.length - 12]);
    const vocabulary = wanted.length / ids.length;
    const state = model.newState();
    await logitsOf(model, state, ids, [12]);
    const copy = await state.clone();
    const saved = await state.save();
    const rest = wanted.slice(12 * vocabulary);
    expect(await logitsOf(model, state, ids.slice(12), [ids.length - 12])).toEqual(rest);
    expect(await logitsOf(model, copy, ids.slice(12), [ids.length - 12])).toEqual(rest);
    const loaded = model.newState();
    await loaded.load(saved);
    expect(loaded.length).toBe(12);
    expect(await logitsOf(model, loaded, ids.slice(12), [ids.length - 12])).toEqual(rest);

    const recurrent = state.layout.some(({ grows }) => !grows);
    if (recurrent) {
      await expect(state.rewind(12)).rejects.toThrow(/clone/);
      await expect(state.clone(12)).rejects.toThrow(/clone/);
    } else {
      const shorter = await state.clone(12);
      expect(await logitsOf(model, shorter, ids.slice(12), [ids.length - 12])).toEqual(rest);
      shorter.dispose();
      await state.rewind(12);
      expect(await logitsOf(model, state, ids.slice(12), [ids.length - 12])).toEqual(rest);
    }
    await state.rewind(0);
    expect(await logitsOf(model, state, ids, [ids.length])).toEqual(wanted);
    for (const one of [state, copy, loaded]) one.dispose();
  });

  it('knows what a state has read, and does not go on from a recurrent one whose last pass failed', async () => {
    const state = model.newState();
    await logitsOf(model, state, ids, [5, 3]);
    expect(state.ids).toEqual(ids.slice(0, 8));
    expect([state.reusable(ids), state.reusable(ids.slice(0, 8))]).toEqual(state.rewindable ? [8, 7] : [8, 0]);
    const copy = await state.clone();
    const visit = () => {
      throw new Error('stopped');
    };
    const failing = partsOf(model).engine.read([{ ids: ids.slice(8), state, rows: 'all', visit }]);
    await expect(failing).rejects.toThrow('stopped');
    expect(state.ids).toEqual(copy.ids);
    const goOn = (one: State) => logitsOf(model, one, ids.slice(8), [ids.length - 8]);
    const wanted = await goOn(copy);
    if (state.rewindable) expect(await goOn(state)).toEqual(wanted);
    else {
      await expect(goOn(state)).rejects.toThrow(/failed/);
      await expect(state.clone()).rejects.toThrow(/failed/);
      await expect(state.save()).rejects.toThrow(/failed/);
    }
    await state.rewind(0);
    await logitsOf(model, state, ids, [8]);
    expect(await goOn(state)).toEqual(wanted);
    for (const one of [state, copy]) one.dispose();
  });

  it('continues from a state as if all had been one text', async () => {
    const options = { maxNewTokens: 5, ignoreEnd: true, repetitionPenalty: 1.5 };
    const state = model.newState();
    const first = await model.complete(ids.slice(0, 4), { ...options, state });
    expect(state.length).toBe(9);
    const second = await model.complete(ids.slice(4, 6), { ...options, state });
    const nothing = await model.complete(ids.slice(6, 8), { state, maxNewTokens: 0 });
    expect([nothing.ids, state.length]).toEqual([[], 18]); // reads the prompt all the same
    state.dispose();
    const whole = [...ids.slice(0, 4), ...first.ids, ...ids.slice(4, 6)];
    expect(second.ids).toEqual((await model.complete(whole, options)).ids);
  });

  it('sees the same numbers when nobody looks as when all sites are captured', async () => {
    const wanted = await logitsOf(model, model.newState(), ids, [ids.length]);
    const all = await model.capture(ids, { sites: ['*'] });
    expect([...(all.get('logits')?.data ?? [])]).toEqual(wanted);
    expect([...all.keys()].sort()).toEqual(model.sites.map((site) => site.name).sort());
  });

  it('shows every site that is declared, and no other', async () => {
    const shown: string[] = [];
    const tap = tapOf(
      () => true,
      (site, x) => {
        shown.push(site);
        return x;
      },
    );
    const state = model.newState();
    await partsOf(model).engine.step([{ ids, state, tap }]);
    state.dispose();
    expect(shown.sort()).toEqual(model.sites.map(({ name }) => name).sort());
  });

  it('uses what is put in the place of a site', async () => {
    const before = await model.capture(ids, { sites: ['*'] });
    for (const { name: site } of model.sites) {
      const { data } = before.get(site) as { data: TypedArray };
      const same = await model.capture(ids, { sites: ['logits'], replace: { [site]: data } });
      expect(same.get('logits')?.data, `${site}, unchanged`).toEqual(before.get('logits')?.data);
    }
    const hidden = before.get('hidden')?.data as Float32Array;
    const zeros = await model.capture(ids, { sites: ['logits'], replace: { hidden: new Float32Array(hidden.length) } });
    expect(zeros.get('logits')?.data.every((x) => x === 0)).toBe(true);
    const wrong = model.capture(ids, { sites: ['logits'], replace: { hidden: new Float32Array(3) } });
    await expect(wrong).rejects.toThrow(/has 3 numbers/);
  });

  it('is the same after it was saved and loaded, in one file or in shards', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portmanteau-'));
    const wanted = await model.complete(ids.slice(0, 6), { maxNewTokens: 8, ignoreEnd: true });
    for (const maxShardBytes of [5e9, 4000]) {
      const target = join(folder, String(maxShardBytes));
      await saveModel(model, target, { maxShardBytes });
      const again = await load(target);
      expect(await again.complete(ids.slice(0, 6), { maxNewTokens: 8, ignoreEnd: true })).toEqual(wanted);
      await again.dispose();
      await expect(saveModel(model, target)).rejects.toThrow(/not empty/);
    }
    rmSync(folder, { recursive: true });
  });

  it('gives memory back', async () => {
    const before = partsOf(model).engine.backend.memory().liveBytes;
    await model.complete(ids, { maxNewTokens: 5 });
    await model.capture(ids, { sites: ['*'] });
    const signal = AbortSignal.abort();
    await expect(model.complete(ids, { signal })).rejects.toThrow();
    expect(partsOf(model).engine.backend.memory().liveBytes).toBe(before);
  });
});

describe.each(NAMES)('%s', (name) => {
  it('gives the same text for the same seed, whatever the number of threads and memories', async () => {
    const { folder, ids } = await readGolden(name);
    const options = { maxNewTokens: 12, ignoreEnd: true, temperature: 1.2, topP: 0.95, seed: 42 };
    const texts = [];
    for (const [backend, create] of backends) {
      if (backend === 'reference') continue; // its sums are in f64
      const model = await Model.load(await openModel(localFolder(folder)), await create());
      texts.push(await model.complete(ids.slice(0, 4), options));
      await model.dispose();
    }
    for (const text of texts) expect(text).toEqual(texts[0]);
  });
});
