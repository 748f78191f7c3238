/** What must hold of interventions, of every family and on every backend. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model, partsOf } from '../../src/api/model.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { compile } from '../../src/interventions/compile.ts';
import { type SequenceInterventions, sequenceOf } from '../../src/interventions/sequence.ts';
import type { InterventionTarget } from '../../src/interventions/target.ts';
import { openModel } from '../../src/loader/open.ts';
import type { Request } from '../../src/runtime/engine.ts';
import { targetOf } from '../../src/runtime/site-shapes.ts';
import { casesByBackend, wholeSweep } from '../backends.ts';
import { readGolden } from '../goldens.ts';
import { someInterventions } from './arbitrary.ts';

const NAMES = [
  'backpack-hub',
  'granite-moe-10',
  'granite-moe-shared',
  'llama-2b4t',
  'llama-grouped',
  'mamba-odd',
  'falcon-mamba',
];
const SEEDS = wholeSweep ? [1, 2, 3, 4, 5, 6] : [1, 2, 3];
const LENGTH = 14;

/** By model and seed, what the first of several WebAssembly backends gave. */
const wasm = new Map<string, number[]>();

const COMBINATIONS = casesByBackend(NAMES).flatMap(([backend, create, names]) =>
  names.map((name) => [name, backend, create] as const),
);

describe.each(COMBINATIONS)('%s, %s', (name, backend, create) => {
  let model: Model;
  let target: InterventionTarget;
  let ids: readonly number[];

  beforeAll(async () => {
    const golden = await readGolden(name);
    ids = [...golden.ids, ...golden.greedy].slice(0, LENGTH);
    model = await Model.load(await openModel(localFolder(golden.folder)), await create());
    target = targetOf(partsOf(model).engine.model);
  });
  afterAll(() => model.dispose());

  const under = (seed: number, { neutral = false, promptLength = 8 } = {}): SequenceInterventions | undefined =>
    sequenceOf(compile(someInterventions(target, seed, { length: LENGTH, neutral }), target), { promptLength });

  /** Logits of all positions, read in pieces of these lengths. */
  async function logitsOf(interventions: SequenceInterventions | undefined, pieces: readonly number[] = [LENGTH]) {
    const state = model.newState();
    const all: number[] = [];
    let from = 0;
    for (const length of pieces) {
      const some = ids.slice(from, from + length);
      const visit = (_: number, logits: Float32Array) => all.push(...logits);
      await partsOf(model).engine.read([{ ids: some, state, rows: 'all', visit, interventions }]);
      from += length;
    }
    state.dispose();
    return all;
  }

  it('changes no bit with interventions that change nothing', async () => {
    const plain = await logitsOf(undefined);
    for (const seed of SEEDS) expect(await logitsOf(under(seed, { neutral: true })), `seed ${seed}`).toEqual(plain);
  });

  it('gives the same bits with a cache as without, whatever the number of threads', async () => {
    const plain = await logitsOf(undefined);
    let changed = 0;
    for (const seed of SEEDS) {
      const wanted = await logitsOf(under(seed));
      if (wanted.some((x, i) => x !== plain[i])) changed++;
      expect(await logitsOf(under(seed), new Array(LENGTH).fill(1)), `seed ${seed}`).toEqual(wanted);
      expect(await logitsOf(under(seed), [3, 1, 5, 1, LENGTH - 10]), `seed ${seed}`).toEqual(wanted);
      if (!backend.startsWith('wasm')) continue;
      expect(wanted, `seed ${seed}`).toEqual(wasm.get(`${name} ${seed}`) ?? wanted);
      wasm.set(`${name} ${seed}`, wanted);
    }
    expect(changed).toBeGreaterThan(SEEDS.length / 2);
  });

  it('gives each sequence of a batch the bits that it has alone, each with other interventions', async () => {
    const { engine } = partsOf(model);
    const all = [undefined, ...SEEDS.slice(0, 4).map((seed) => under(seed)), under(1)];
    const alone = [];
    for (const one of all) alone.push(await logitsOf(one));
    const states = all.map(() => model.newState());
    const found: number[][] = all.map(() => []);
    for (const [from, to] of [[0, 6], ...Array.from({ length: LENGTH - 6 }, (_, i) => [6 + i, 7 + i])] as [
      number,
      number,
    ][]) {
      const requests = all.map((interventions, i): Request => {
        const visit = (_: number, logits: Float32Array) => found[i]?.push(...logits);
        return { ids: ids.slice(from, to), state: states[i] as never, rows: 'all', visit, interventions };
      });
      await engine.read(requests);
    }
    for (const [i, wanted] of alone.entries()) expect(found[i], `sequence ${i}`).toEqual(wanted);
    for (const state of states) state.dispose();
  });

  it('serves from a prefix cache only what was read under the same', async () => {
    const cache = model.newPrefixCache();
    const options = { maxNewTokens: 3, ignoreEnd: true };
    for (const seed of [...SEEDS, ...SEEDS]) {
      for (const prompt of [ids.slice(0, 10), ids.slice(0, 7), ids]) {
        const interventions = seed === 2 ? [] : someInterventions(target, seed, { length: LENGTH, count: 2 });
        const wanted = await model.complete(prompt, { ...options, interventions });
        const found = await model.complete(prompt, { ...options, interventions, cache });
        expect({ ...found, cachedTokens: 0 }, `seed ${seed}`).toEqual({ ...wanted, cachedTokens: 0 });
      }
    }
    const again = await model.complete(ids, { ...options, cache });
    expect(again.cachedTokens).toBeGreaterThan(0);
    cache.dispose();
  });
});
