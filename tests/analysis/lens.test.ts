/** The lens and attributions give the numbers of the reference implementations, and what they promise: parts sum to the logit. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attributeLogit } from '../../src/analysis/attribution.ts';
import { logitLens } from '../../src/analysis/logit-lens.ts';
import { Model } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import type { Intervention } from '../../src/interventions/intervention.ts';
import { openModel } from '../../src/loader/open.ts';
import { loadTensors } from '../../src/node.ts';
import { backends, casesByBackend } from '../backends.ts';
import { type Golden, goldenNames, readGolden } from '../goldens.ts';

const fileOf = (name: string) => fileURLToPath(new URL(`../golden/${name}/lens.safetensors`, import.meta.url));
const names = goldenNames().filter((name) => existsSync(fileOf(name)));

/** Of the largest magnitude of the reference. */
const TOLERANCE = 1e-4;

function expectNear(found: ArrayLike<number>, wanted: ArrayLike<number>, what: string): void {
  expect(found.length, what).toBe(wanted.length);
  let [worst, largest] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    worst = Math.max(worst, Math.abs((found[i] as number) - (wanted[i] as number)));
    largest = Math.max(largest, Math.abs(wanted[i] as number));
  }
  expect(worst / largest, what).toBeLessThanOrEqual(TOLERANCE);
}

test('there are goldens of every family', () => {
  for (const family of ['backpack', 'bitnet', 'llama', 'granite', 'mamba'])
    expect(
      names.some((name) => name.startsWith(family)),
      family,
    ).toBe(true);
});

describe.each(casesByBackend(names))('on the %s backend', (_, create, some) => {
  describe.each(some)('%s', (name) => {
    let golden: Golden;
    let wanted: Awaited<ReturnType<typeof loadTensors>>;
    let model: Model;
    const words = () => Array.from(wanted.get('words')?.data ?? []);
    beforeAll(async () => {
      [golden, wanted] = await Promise.all([readGolden(name), loadTensors(fileOf(name))]);
      model = await Model.load(await openModel(localFolder(golden.folder), { weights: 'f32' }), await create());
    });
    afterAll(() => model.dispose());

    test('the rest of the model makes of every layer what it makes in the reference', async () => {
      const sites = [...wanted.keys()].filter((key) => key.startsWith('lens.')).map((key) => key.slice('lens.'.length));
      const hidden = await model.readout(golden.ids, { sites });
      expect([...hidden.keys()].sort()).toEqual(sites.sort());
      for (const [site, { shape, data }] of hidden) {
        const [tokens = 0, width = 0] = shape;
        const last = (data as Float32Array).slice((tokens - 1) * width);
        const logits: number[] = [];
        await model.unembed(last, (_first, some) => logits.push(...some));
        expectNear(logits, wanted.get(`lens.${site}`)?.data as Float32Array, site);
      }
    });

    test('the last layer reads as the model predicts, and ranks and probabilities are those of its logits', async () => {
      const [word = 0] = words();
      const { sites, readings } = await logitLens(model, golden.ids, { word, positions: [-1], top: 3 });
      expect(sites.at(-1)).toBe('final');
      const [final, last] = [readings.at(-1)?.[0], readings.at(-2)?.[0]];
      expect(last).toEqual(final);
      expect(final?.klFromFinal).toBe(0);
      expect(final?.word?.rank).toBe(1); // the likeliest word was chosen
      expect(final?.top[0]).toMatchObject({ id: word, logprob: final?.word?.logprob });
      for (const [reading] of readings) expect(reading?.klFromFinal).toBeGreaterThanOrEqual(0);
    });

    test('parts of a difference of logits are those of the reference, and sum to it', async () => {
      const [word = 0, against = 0] = words();
      const parts = wanted.get('attribution.parts')?.data as Float32Array | undefined;
      if (!parts) {
        await expect(attributeLogit(model, golden.ids, { word, against })).rejects.toThrow('sums over sense vectors');
        return;
      }
      const found = await attributeLogit(model, golden.ids, { word, against, perHead: true });
      expectNear(
        found.parts.map(({ logit }) => logit),
        parts,
        'parts',
      );
      const sum = found.parts.reduce((total, { logit }) => total + logit, found.bias + found.rest);
      expect(sum).toBeCloseTo(found.logit, 10);
      expect(Math.abs(found.rest)).toBeLessThan(TOLERANCE * Math.max(...parts.map(Math.abs)));
      const heads = wanted.get('attribution.heads')?.data as Float32Array | undefined;
      const ofHeads = found.parts.flatMap(({ heads = [] }) => heads);
      if (heads) expectNear(ofHeads, heads, 'heads');
      else expect(ofHeads).toEqual([]);
    });
  });
});

describe('what heads add', () => {
  let golden: Golden;
  let model: Model;
  beforeAll(async () => {
    golden = await readGolden('granite-tied'); // dense: maps that quantise their input sum only nearly
    model = await Model.load(await openModel(localFolder(golden.folder), { weights: 'f32' }), createReferenceBackend());
  });
  afterAll(() => model.dispose());

  test('sums to what the attention adds', async () => {
    const seen = await model.capture(golden.ids, { sites: ['blocks.*.result', 'blocks.*.attnOut'] });
    const { shape = [], data = [] } = seen.get('blocks.1.result') ?? {};
    const [tokens = 0, heads = 0, width = 0] = shape;
    const sums = new Float64Array(tokens * width);
    for (let t = 0; t < tokens; t++)
      for (let h = 0; h < heads; h++)
        for (let m = 0; m < width; m++)
          sums[t * width + m]! += (data as Float32Array)[(t * heads + h) * width + m] as number;
    expectNear(sums, seen.get('blocks.1.attnOut')?.data as Float32Array, 'sum');
  });

  test('taking away a head by its result is the same as by its z', async () => {
    const heads = { heads: [1], scale: 0 };
    const logits = async (site: string) =>
      (await model.capture(golden.ids, { sites: ['logits'], interventions: [{ site, ...heads }] })).get('logits')?.data;
    const plain = (await model.logits(golden.ids)).data;
    const byResult = (await logits('blocks.0.result')) as Float32Array;
    expectNear(byResult, (await logits('blocks.0.z')) as Float32Array, 'logits');
    expect(byResult).not.toEqual(plain);
  });
});

test('values from a token on have the bits that they have in the whole text', async () => {
  for (const name of ['llama-grouped', 'mamba-odd', 'backpack-hub']) {
    const { folder, ids } = await readGolden(name);
    const model = await Model.load(await openModel(localFolder(folder), { weights: 'f32' }), createReferenceBackend());
    const sites = ['blocks.*.residPost', 'logits'];
    const [all, some] = [
      await model.capture(ids, { sites }),
      await model.capture(ids, { sites, from: ids.length - 2 }),
    ];
    for (const [site, { data }] of some) expect(all.get(site)?.data.slice(-data.length), site).toEqual(data);
    await expect(model.capture(ids, { sites, from: ids.length })).rejects.toThrow('wanted less');
    await model.dispose();
  }
});

describe.each(backends)('under interventions, on the %s backend', (_, create) => {
  const open = async (name: string) => {
    const { folder, ids } = await readGolden(name);
    return { ids, model: await Model.load(await openModel(localFolder(folder), { weights: 'f32' }), await create()) };
  };
  const sites = ['blocks.*.residPost'];
  const data = async (values: Promise<ReadonlyMap<string, { readonly data: ArrayLike<number> }>>) =>
    new Map([...(await values)].map(([site, value]) => [site, value.data]));

  test.each(['llama-grouped', 'granite-tied', 'mamba-odd', 'backpack-hub'])(
    '%s: the last layer reads as the model predicts',
    async (name) => {
      const { model, ids } = await open(name);
      const last = Math.max(...model.sites.map(({ name }) => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? 0)));
      const changes: Intervention[] = [
        { site: `blocks.0.residPost`, scale: 0.5, positions: [1, -1] },
        { site: 'blocks.*.residPost', scale: 1.25 },
        { site: 'hidden', scale: 2 },
        ...(model.sites.some((site) => site.name === 'senses') ? [{ senses: { sense: 1 }, scale: 0 } as const] : []),
      ];
      for (const change of changes) {
        const hidden = await model.readout(ids, { sites, interventions: [change] });
        const own = await model.capture(ids, { sites: ['hidden'], interventions: [change] });
        expect(hidden.get(`blocks.${last}.residPost`)?.data, JSON.stringify(change)).toEqual(own.get('hidden')?.data);
        expect(hidden.get(`blocks.${last}.residPost`)?.data).not.toEqual(
          (await model.readout(ids, { sites })).get(`blocks.${last}.residPost`)?.data,
        );
      }
      const plain = await data(model.readout(ids, { sites }));
      const doubled = await data(model.readout(ids, { sites, interventions: [{ site: 'hidden', scale: 2 }] }));
      for (const [site, values] of plain)
        expect(doubled.get(site), site).toEqual(Float32Array.from(values, (x) => 2 * x));
      await model.dispose();
    },
  );

  test('parts of a logit count positions from the end of the whole text', async () => {
    const { model, ids } = await open('granite-tied');
    const interventions = [{ site: 'blocks.0.mlpOut', scale: 0, positions: [-1] }] as const;
    const at = async (position: number) => {
      const found = await attributeLogit(model, ids, { word: 1, position, interventions });
      return found.parts.find(({ site }) => site === 'blocks.0.mlpOut')?.logit;
    };
    expect(await at(-1)).toBe(0);
    expect(await at(-2)).not.toBe(0);
    await model.dispose();
  });

  test('what cannot be read in one step is refused', async () => {
    const { model, ids } = await open('mamba-odd');
    const refused = (interventions: readonly Intervention[]) =>
      expect(model.readout(ids, { sites, interventions })).rejects;
    await refused([{ state: '*', at: 1, reset: true }]).toThrow('within the text');
    await refused([{ site: 'logits', scale: 0 }]).toThrow("no site 'logits'");
    await model.readout(ids, { sites, interventions: [{ state: '*', at: 0, reset: true }] });
    await model.dispose();
  });
});
