/** States under interventions: what is recorded, kept, saved and gone on from. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Model, partsOf } from '../../src/api/model.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import type { Intervention, SiteIntervention } from '../../src/interventions/intervention.ts';
import { openModel } from '../../src/loader/open.ts';
import { loadState, loadTensors, readInterventions, saveState } from '../../src/node.ts';
import { readGolden } from '../goldens.ts';

const folder = mkdtempSync(join(tmpdir(), 'portmanteau-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function load(name: string): Promise<Model> {
  const backend = await createWasmBackend({ platform: nodePlatform, threads: 1 });
  return Model.load(await openModel(localFolder((await readGolden(name)).folder)), backend);
}

describe.each(['backpack-hub', 'granite-moe-10', 'mamba-odd'])('%s', (name) => {
  let model: Model;
  let steering: Intervention[];
  const prompt = [5, 6, 7, 8, 9, 10];
  const options = { maxNewTokens: 12, ignoreEnd: true };
  beforeAll(async () => {
    model = await load(name);
    const add = Float32Array.from({ length: model.facts.dModel }, (_, i) => Math.cos(i));
    steering = [{ site: 'blocks.*.residPost', add, by: 0.5 }];
  });
  afterAll(() => model.dispose());

  it('decodes in recorded steps under interventions, also when strengths change and sequences differ', async () => {
    const { backend } = partsOf(model).engine;
    const record = vi.spyOn(backend, 'record');
    const step = vi.spyOn(backend, 'step');
    const by = ({ generated }: { generated: number }) => 0.1 * generated;
    const varying: Intervention[] = [{ ...(steering[0] as SiteIntervention), by } as Intervention];
    const run = async (interventions: Intervention[]) => {
      record.mockClear();
      step.mockClear();
      await model.complete(prompt, { ...options, interventions });
      return { recorded: record.mock.calls.length, encoded: step.mock.calls.length };
    };
    await run(steering);
    for (const one of [steering, varying, [{ ...(steering[0] as SiteIntervention), from: 0 } as Intervention]])
      expect((await run(one)).recorded).toBeLessThanOrEqual(2);
    record.mockRestore();
    step.mockRestore();
  });

  it('runs recorded steps again only for lists of the same ops and the same common strengths', async () => {
    const add = (steering[0] as { add: Float32Array }).add;
    const each = Array.from(
      { length: model.facts.nLayers },
      (_, layer): Intervention => ({ site: `blocks.${layer}.residPost`, add, by: 0.3 * layer }),
    );
    const both: Intervention[] = [{ site: 'blocks.*.residPost', add, by: 0.5 }];
    const holder = model.newState(); // keeps the pool, and with it what is recorded
    await model.complete(prompt, { ...options, state: holder });
    for (const interventions of [both, each, both, each]) {
      const { ids, logprobs } = await model.complete(prompt, { ...options, interventions });
      const { tokens } = await model.score([...prompt, ...ids], { interventions });
      const scored = tokens.slice(prompt.length).map(({ logprob }) => logprob as number);
      logprobs.forEach((logprob, i) => {
        expect(logprob).toBeCloseTo(scored[i] as number, 5);
      });
    }
    holder.dispose();
  });

  it('a strength of a function is that of numbers', async () => {
    const wanted = await model.complete(prompt, { ...options, interventions: steering });
    const told: number[] = [];
    const by = ({ generated, position, ids }: { generated: number; position: number; ids: readonly number[] }) => {
      told.push(generated);
      expect(ids).toHaveLength(position + 1);
      return 0.5;
    };
    const found = await model.complete(prompt, {
      ...options,
      interventions: [{ ...(steering[0] as SiteIntervention), by } as Intervention],
    });
    expect(found).toEqual(wanted);
    expect(told).toEqual(Array.from({ length: 12 }, (_, token) => token)); // the prompt is read in one step, which predicts the first
    const bad = model.complete(prompt, {
      ...options,
      interventions: [{ ...(steering[0] as SiteIntervention), by: () => Number.NaN } as Intervention],
    });
    await expect(bad).rejects.toThrow(/its function gave NaN, wanted a finite number/);
  });

  it('a part of a generation is changed and no more', async () => {
    const plain = await model.complete(prompt, options);
    const late = await model.complete(prompt, {
      ...options,
      interventions: [{ ...(steering[0] as SiteIntervention), by: 50, from: 4 } as Intervention],
    });
    expect(late.ids.slice(0, 4)).toEqual(plain.ids.slice(0, 4));
    expect(late.logprobs.slice(4)).not.toEqual(plain.logprobs.slice(4));
    const never = await model.complete(prompt, {
      ...options,
      interventions: [{ ...(steering[0] as SiteIntervention), from: 99 } as Intervention],
    });
    expect(never).toEqual(plain);
  });

  it('gives each prompt of a batch its own', async () => {
    const lists = [steering, undefined, [{ site: 'blocks.0.residPost', scale: 0.5 }]];
    const found: number[][] = lists.map(() => []);
    const steps = model.generate(
      lists.map(() => prompt),
      { ...options, interventionsOf: lists },
    );
    for await (const { index, id } of steps) if (id !== undefined) found[index]?.push(id);
    for (const [i, interventions] of lists.entries())
      expect(found[i]).toEqual((await model.complete(prompt, { ...options, interventions })).ids);
    const short = model.complete(prompt, { ...options, interventionsOf: [] });
    await expect(short).rejects.toThrow(/has 0 entries, wanted one for each of the 1 prompts/);
  });

  it('captures values as they were changed', async () => {
    const site = 'blocks.0.residPost';
    const plain = (await model.capture(prompt, { sites: [site] })).get(site)?.data as Float32Array;
    const interventions: Intervention[] = [{ site, scale: 2, positions: [1] }];
    const changed = (await model.capture(prompt, { sites: [site], interventions })).get(site)?.data as Float32Array;
    const width = model.facts.dModel;
    expect([...changed]).toEqual([...plain].map((x, i) => (Math.floor(i / width) === 1 ? 2 * x : x)));
  });

  it('refuses a list that was checked against another model', async () => {
    const other = await load('llama-grouped');
    const list = other.checkInterventions([{ site: 'hidden', scale: 0 }]);
    await expect(model.complete(prompt, { interventions: list })).rejects.toThrow(/checked against another model/);
    await other.dispose();
  });

  it('goes on from a state only under what it was made under, saved or not', async () => {
    const state = model.newState();
    await model.complete(prompt, { ...options, interventions: steering, state });
    await expect(model.complete([3], { ...options, state })).rejects.toThrow(/made under other interventions/);
    const file = join(folder, `${name}.safetensors`);
    await saveState(model, state, file);
    const loaded = await loadState(model, file);
    expect(loaded.provenance()).toBe(state.provenance());
    expect(loaded.provenance()).not.toBe('');
    await expect(model.complete([3], { ...options, state: loaded })).rejects.toThrow(/made under other interventions/);
    const wanted = await model.complete([3], { ...options, interventions: steering, state });
    expect(await model.complete([3], { ...options, interventions: steering, state: loaded })).toEqual(wanted);
    const plain = model.newState();
    await model.complete(prompt, { ...options, state: plain });
    await expect(model.complete([3], { ...options, interventions: steering, state: plain })).rejects.toThrow(
      /made under no interventions/,
    );
    for (const one of [state, loaded, plain]) one.dispose();
  });

  it('refuses a saved state whose note on interventions is damaged', async () => {
    const state = model.newState();
    await model.complete(prompt, { ...options, interventions: steering, state });
    const file = join(folder, 'damaged.safetensors');
    await saveState(model, state, file);
    const bytes = readFileSync(file);
    const at = bytes.indexOf('[[0,');
    bytes.write('[[x,', at);
    writeFileSync(file, bytes);
    await expect(loadState(model, file)).rejects.toThrow(/interventions cannot be read/);
    state.dispose();
  });
});

describe('a recurrent state', () => {
  let model: Model;
  beforeAll(async () => {
    model = await load('mamba-odd');
  });
  afterAll(() => model.dispose());

  it('is transplanted from a saved one, and reset to what it was before any text', async () => {
    const [text, more] = [
      [3, 4, 5, 6, 7, 8],
      [9, 10, 11],
    ];
    const state = model.newState();
    await model.complete(text, { maxNewTokens: 0, state });
    const file = join(folder, 'donor.safetensors');
    await saveState(model, state, file);
    const wanted = await model.capture(more, { sites: ['logits'], state });
    const vectors = await loadTensors(file);
    const interventions = ['ssmState', 'window'].map((kind) => ({
      state: `blocks.*.${kind}`,
      at: 2,
      set: { vector: 'state.{site}' },
    }));
    const found = await model.logits([1, 2, ...more], { interventions: { vectors, interventions } });
    const { vocabSize } = model.facts;
    expect(found.data.slice(2 * vocabSize)).toEqual(wanted.get('logits')?.data);
    const fresh = await model.logits(more);
    const reset = await model.logits([1, 2, ...more], { interventions: [{ state: '*', at: 2, reset: true }] });
    expect(reset.data.slice(2 * vocabSize)).toEqual(fresh.data);
    state.dispose();
  });

  it('is captured across the place where it is changed', async () => {
    const ids = [3, 4, 5, 6, 7, 8];
    const interventions: Intervention[] = [{ state: 'blocks.*.ssmState', at: 3, scale: 1 }];
    expect(await model.capture(ids, { sites: ['*'], interventions })).toEqual(
      await model.capture(ids, { sites: ['*'] }),
    );
  });
});

it('a file names its vectors, which lie beside it', async () => {
  const model = await load('mamba-odd');
  const { saveTensors } = await import('../../src/node.ts');
  const data = new Float32Array(model.facts.dModel).fill(0.5);
  await saveTensors(join(folder, 'v.safetensors'), new Map([['v', { shape: [data.length], dtype: 'f32', data }]]));
  const file = join(folder, 'f.json');
  writeFileSync(
    file,
    JSON.stringify({
      version: 1,
      vectors: 'v.safetensors',
      interventions: [{ site: 'blocks.0.residPost', add: { vector: 'v' } }],
    }),
  );
  const wanted = await model.logits([1, 2, 3], { interventions: [{ site: 'blocks.0.residPost', add: data }] });
  expect(await model.logits([1, 2, 3], { interventions: await readInterventions(file) })).toEqual(wanted);
  writeFileSync(file, `\uFEFF${JSON.stringify({ interventions: [] })}`); // with a byte order mark, as some editors save it
  expect((await readInterventions(file)).interventions).toEqual([]);
  writeFileSync(file, JSON.stringify({ vectors: 'w.safetensors', interventions: [] }));
  await expect(readInterventions(file)).rejects.toThrow(/names the vectors w\.safetensors, and there is no file/);
  await expect(readInterventions(join(folder, 'none.json'))).rejects.toThrow(/there is no file/);
  await model.dispose();
});
