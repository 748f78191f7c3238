/** Steering vectors: differences of means and principal directions, and what they do when they are added. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placesIn } from '../../src/analysis/steering/places.ts';
import { principalDirection } from '../../src/analysis/steering/principal.ts';
import {
  checkVectorFile,
  fromPretrained,
  loadTensors,
  type Model,
  meanNotes,
  meanVectors,
  openPretrained,
  saveVectors,
  steeringNotes,
  steeringVectors,
  trySteering,
} from '../../src/node.ts';

const positive = ['The queen was old, and she', 'Her mother said that she', 'The girl ran, and she'];
const negative = ['The king was old, and he', 'His father said that he', 'The boy ran, and he'];
const SITES = ['blocks.1.residPost', 'blocks.2.z'];

describe('the principal direction', () => {
  it('is the first right singular vector, as NumPy gives it, and points where the sum does', () => {
    const rows = [
      [3, 1, -2, 0],
      [1, 4, 0, 1],
      [2, 2, -1, -3],
      [-1, 3, 1, 2],
      [5, 0, -3, 1],
    ].map((row) => Float64Array.from(row));
    const wanted = [0.8320537353967121, 0.2621395147484642, -0.4873530551476712, -0.038163540952703114];
    const found = principalDirection(rows, 4);
    found?.direction.forEach((x, i) => {
      expect(x).toBeCloseTo(wanted[i] as number, 5);
    });
    expect(found?.share).toBeCloseTo(0.5666949613154999, 10);
    const turned = principalDirection(
      rows.map((row) => row.map((x) => -x)),
      4,
    );
    expect(turned?.direction[0]).toBeCloseTo(-(wanted[0] as number), 5);
  });

  it('is found where the vectors cancel, and where the sum is at a right angle to it', () => {
    const opposite = [Float64Array.of(0, 2), Float64Array.of(0, -2)];
    expect(Math.abs(principalDirection(opposite, 2)?.direction[1] as number)).toBeCloseTo(1, 9);
    const crossed = [Float64Array.of(5, 1), Float64Array.of(-5, 1)];
    expect(Math.abs(principalDirection(crossed, 2)?.direction[0] as number)).toBeCloseTo(1, 5);
  });

  it('does not exist where all vectors are 0', () => {
    expect(principalDirection([new Float64Array(3)], 3)).toBeUndefined();
  });
});

it('positions are counted from both ends of each text', () => {
  expect([...placesIn('last', 4, 'it')]).toEqual([3]);
  expect([...placesIn([0, -2], 4, 'it')]).toEqual([0, 2]);
  expect([...placesIn({ from: 1, to: -1 }, 4, 'it')]).toEqual([1, 2]);
  expect(() => placesIn([4], 4, 'text 2')).toThrow('text 2 has 4 tokens, and so no position 4.');
  expect(() => placesIn({ from: 6 }, 4, 'text 2')).toThrow('text 2 has 4 tokens, none of which lies from 6 to 4.');
  expect(() => placesIn('last', 0, 'text 2')).toThrow('text 2 is empty');
});

describe('on granite-tiny', () => {
  let model: Model;
  beforeAll(async () => {
    model = await fromPretrained('granite-tiny', { threads: 1 });
  });
  afterAll(() => model.dispose());

  const lastRow = async (text: string, site: string): Promise<number[]> => {
    const { shape, data } = (await model.capture(text, { sites: [site] })).get(site) as {
      readonly shape: readonly number[];
      readonly data: Float32Array;
    };
    return [...data.slice(-data.length / (shape[0] as number))];
  };
  const meanOf = (rows: readonly number[][]) =>
    (rows[0] as number[]).map((_, i) => rows.reduce((sum, row) => sum + (row[i] as number), 0) / rows.length);

  it('the mean difference is the difference of the means of what is captured', async () => {
    const { vectors, sites } = await model.steeringVector({ positive, negative, sites: SITES });
    for (const site of SITES) {
      const [up, down] = await Promise.all(
        [positive, negative].map((texts) => Promise.all(texts.map((text) => lastRow(text, site)))),
      );
      const wanted = meanOf(up as number[][]).map((x, i) => x - (meanOf(down as number[][])[i] as number));
      const found = vectors.get(site)?.data as Float32Array;
      expect(found.length).toBe(wanted.length);
      wanted.forEach((x, i) => {
        expect(Math.abs((found[i] as number) - x)).toBeLessThan(1e-5);
      });
      const about = sites.find((one) => one.site === site);
      expect(about?.length).toBeCloseTo(Math.hypot(...wanted), 4);
      const along = (row: number[]) => row.reduce((sum, x, i) => sum + x * (wanted[i] as number), 0);
      const [above, below] = [up, down].map((rows) => (rows as number[][]).map(along)) as [number[], number[]];
      const mean = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
      const middle = (mean(above) + mean(below)) / 2;
      const right = above.filter((x) => x > middle).length + below.filter((x) => x < middle).length;
      expect(about?.separates).toBe(right / (above.length + below.length));
      expect(about?.separates).toBeGreaterThan(0.5);
    }
    expect(vectors.get('blocks.2.z')?.shape).toEqual(
      (await model.capture('a', { sites: ['blocks.2.z'] })).get('blocks.2.z')?.shape.slice(1),
    );
  });

  it('pca gives vectors of length 1 that point from the negative texts to the positive ones', async () => {
    const [mean, pca] = await Promise.all(
      (['mean', 'pca'] as const).map((method) => steeringVectors(model, { positive, negative, sites: SITES, method })),
    );
    for (const site of SITES) {
      const [a, b] = [mean, pca].map((one) => one?.vectors.get(site)?.data as Float32Array) as [
        Float32Array,
        Float32Array,
      ];
      expect(Math.hypot(...b)).toBeCloseTo(1, 5);
      expect(a.reduce((sum, x, i) => sum + x * (b[i] as number), 0)).toBeGreaterThan(0);
    }
    expect(pca?.sites[0]?.explained).toBeGreaterThan(1 / positive.length);
  });

  it('can be used at once, with the bits of the same numbers in a list', async () => {
    const made = await steeringVectors(model, { positive, negative, sites: SITES });
    const found = await model.logits('One day', { interventions: made.interventions });
    const list = SITES.map((site) => ({ site, add: made.vectors.get(site)?.data as Float32Array }));
    expect(found.data).toEqual((await model.logits('One day', { interventions: list })).data);
    expect(found.data).not.toEqual((await model.logits('One day')).data);
  });

  it('errors say what is wrong before anything is read', async () => {
    const make = (options: object) => steeringVectors(model, { positive, negative, ...options });
    await expect(make({ negative: [] })).rejects.toThrow('there are no negative texts');
    await expect(make({ negative: negative.slice(1), method: 'pca' })).rejects.toThrow(
      'there are 3 positive and 2 negative texts',
    );
    await expect(make({ sites: ['blocks.*.residPots'] })).rejects.toThrow("did you mean 'blocks.*.residPost'?");
    await expect(make({ sites: ['blocks.0.pattern'] })).rejects.toThrow('has no row for each token');
    await expect(make({ sites: ['blocks.0.expertIds'] })).rejects.toThrow('has whole numbers');
    await expect(make({ positions: [30] })).rejects.toThrow('positive text 1 has');
    await expect(make({ negative: positive })).rejects.toThrow('the same values');
    await expect(make({ signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  it('means are those of all tokens of the corpus, and set a site to them', async () => {
    const { vectors, tokens, corpus } = await meanVectors(model, { texts: positive, sites: ['blocks.1.z'] });
    const rows: number[][] = [];
    for (const text of positive) {
      const { shape, data } = (await model.capture(text, { sites: ['blocks.1.z'] })).get('blocks.1.z') as {
        readonly shape: readonly number[];
        readonly data: Float32Array;
      };
      const width = data.length / (shape[0] as number);
      for (let t = 0; t < (shape[0] as number); t++) rows.push([...data.slice(t * width, (t + 1) * width)]);
    }
    expect([tokens, corpus.texts]).toEqual([rows.length, 3]);
    const found = vectors.get('mean.blocks.1.z')?.data as Float32Array;
    meanOf(rows).forEach((x, i) => {
      expect(Math.abs((found[i] as number) - x)).toBeLessThan(1e-5);
    });
    const interventions = { vectors, interventions: [{ site: 'blocks.1.z', set: { vector: 'mean.{site}' } }] };
    const z = (await model.capture('One day', { sites: ['blocks.1.z'], interventions })).get('blocks.1.z')
      ?.data as Float32Array;
    expect(z.slice(0, found.length)).toEqual(found);
  });

  it('a trial shows each strength as it is alone, and 0 as the model is', async () => {
    const { vectors } = await steeringVectors(model, { positive, negative, sites: ['blocks.2.residPost'] });
    const neutral = 'The sun rose over the hills.';
    const done: number[] = [];
    const options = { vectors, words: [' she', ' he'], strengths: [-2, 0, 2], neutral, maxNewTokens: 5 };
    const { tries, words } = await trySteering(model, 'One day the child said that', {
      ...options,
      onProgress: (n) => done.push(n),
    });
    expect(words.map(({ text }) => text)).toEqual([' she', ' he']);
    const plain = await model.complete('One day the child said that', { maxNewTokens: 5 });
    expect(tries[1]?.ids).toEqual(plain.ids);
    expect(tries[1]?.perplexity).toBe((await model.score(neutral)).perplexity);
    const interventions = {
      vectors,
      interventions: [{ site: 'blocks.2.residPost', add: { vector: '{site}' }, by: 2 }],
    };
    expect(tries[2]?.ids).toEqual(
      (await model.complete('One day the child said that', { maxNewTokens: 5, interventions })).ids,
    );
    const she = tries.map(({ logprobs }) => logprobs[0] as number);
    expect(she[0]).toBeLessThan(she[1] as number);
    expect(she[1]).toBeLessThan(she[2] as number);
    expect(tries[2]?.perplexity).toBeGreaterThan(tries[1]?.perplexity as number);
    expect(done.at(-1)).toBe(6);
    await expect(trySteering(model, 'One day', { vectors, sites: ['hidden'] })).rejects.toThrow(
      'no vector for "hidden"',
    );
  });

  it('a file of vectors says of which model they are', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portmanteau-'));
    const file = join(folder, 'steer.safetensors');
    const made = await steeringVectors(model, { positive, negative, sites: SITES });
    const means = await meanVectors(model, { texts: positive, sites: ['blocks.1.z'] });
    await saveVectors(model, file, new Map([...made.vectors, ...means.vectors]), {
      ...steeringNotes(made),
      ...meanNotes(means),
    });
    const loaded = await loadTensors(file);
    expect([...loaded.keys()]).toEqual([...SITES, 'mean.blocks.1.z']);
    expect(loaded.get('blocks.2.z')?.data).toEqual(made.vectors.get('blocks.2.z')?.data);
    const check = async (name: string) => {
      const opened = await openPretrained(name);
      try {
        return await checkVectorFile(opened, file);
      } finally {
        await opened.checkpoint.close();
      }
    };
    expect(await check('granite-tiny')).toBeUndefined();
    await expect(check('mamba-tiny')).rejects.toThrow('has vectors of "granite", and this model is mamba');
    rmSync(folder, { recursive: true });
  });
});
