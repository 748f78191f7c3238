/** What ternary matrices hold and lose equals the reference's exact integers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activationErrors } from '../../src/analysis/ternary/activations.ts';
import { ternaryDistance } from '../../src/analysis/ternary/distance.ts';
import { ternaryWeights } from '../../src/analysis/ternary/weights.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import type { OpenedModel } from '../../src/loader/open.ts';
import { openOriginal } from '../../src/loader/original.ts';
import { ternaryMatrices } from '../../src/loader/ternary-matrices.ts';
import { saveTensors } from '../../src/node.ts';
import { readGolden } from '../goldens.ts';
import { caseOf, expectNear, insidesOf, opened, someBackends } from './insides.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-ternary-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NAMES = ['llama-grouped', 'llama-2b4t', 'llama-online', 'bitnet-tiny'];

const byName = <T extends { readonly name: string }>(list: readonly T[]) =>
  [...list].sort((a, b) => (a.name < b.name ? -1 : 1));

/** The original that tools/reference/make_ternary.py makes, in a folder of its own. */
async function writeOriginal(model: OpenedModel, name: string): Promise<string> {
  const tensors = new Map<string, { shape: number[]; dtype: 'f32'; data: Float32Array }>();
  for (const matrix of ternaryMatrices(model)) {
    const { rows, columns } = matrix;
    const scale = await matrix.scale();
    const data = new Float32Array(rows * columns);
    for await (const { row, codes } of matrix.blocks())
      codes.forEach((code, i) => {
        const at = row * columns + i;
        data[at] = scale * (0.7 * code + 0.5 * Math.sin(0.618 * at));
      });
    tensors.set(`${matrix.name}.weight`, { shape: [rows, columns], dtype: 'f32', data });
  }
  const path = mkdtempSync(join(folder, `${name}-`));
  await saveTensors(join(path, 'model.safetensors'), tensors);
  return path;
}

describe.each(NAMES)('%s', (name) => {
  let model: OpenedModel;
  let wanted: Awaited<ReturnType<typeof insidesOf>>;
  beforeAll(async () => {
    model = await opened((await readGolden(name)).folder);
    wanted = await insidesOf(`ternary-${name}`);
  });
  afterAll(() => model.checkpoint.close());

  it('has the shares, entropies and scales of the reference', async () => {
    const { matrices, total } = await ternaryWeights(ternaryMatrices(model));
    const rows = byName(matrices).map(({ minus, zero, plus, entropy, scale }) => [minus, zero, plus, entropy, scale]);
    expectNear(rows, wanted('shares').data, 'shares', 1e-6);
    expect(total.weights).toBe(matrices.reduce((sum, { weights }) => sum + weights, 0));
    expect(total.invalid).toBe(0);
    expect(total.minus + total.zero + total.plus).toBeCloseTo(1, 12);
  });

  it('has the distances to an original', async () => {
    const path = await writeOriginal(model, name);
    const original = await openOriginal(localFolder(path), model);
    const found = byName(await ternaryDistance(ternaryMatrices(model), original));
    await original.close();
    const rows = found.map((one) => [one.cosine, one.relativeRms, one.roundedRms, one.equalCodes]);
    expectNear(rows, wanted('distance').data, 'distance', 2e-6);
  });

  it.each(someBackends)('has the errors of activations, on the %s backend', async (_, create) => {
    const { model, golden } = await caseOf(name, create);
    const { sites, tokens } = await activationErrors(model, golden.ids, { top: 2 });
    expect(tokens).toBe(golden.ids.length);
    const rows = [...sites]
      .sort((a, b) => (a.site < b.site ? -1 : 1))
      .map(({ relativeRms, lost, median, outliers: [first] }) => [
        relativeRms,
        lost,
        median,
        first?.largest,
        first?.channel,
      ]);
    const reference = wanted('activations').data;
    const column = (numbers: readonly number[], i: number) => numbers.filter((_, at) => at % 5 === i);
    const found = rows.flat() as number[];
    // A rounding that falls the other way after other sums moves the first two by a little.
    expectNear(column(found, 0), column(reference, 0), 'relativeRms', 2e-3);
    expectNear(column(found, 1), column(reference, 1), 'lost', 2e-2);
    for (const i of [2, 3]) expectNear(column(found, i), column(reference, i), 'largest', 2e-3);
    expect(column(found, 4)).toEqual(column(reference, 4));
    await model.dispose();
  });
});

describe('an original', () => {
  it('is refused when it is none of this model, of other sizes, or packed', async () => {
    const [grouped, tiny] = [
      await opened((await readGolden('llama-grouped')).folder),
      await opened((await readGolden('bitnet-tiny')).folder),
    ];
    const other = (await readGolden('mamba-odd')).folder;
    await expect(openOriginal(localFolder(other), grouped)).rejects.toThrow(/has none of the matrices.*_proj/);
    await expect(openOriginal(localFolder((await readGolden('bitnet-tiny')).folder), tiny)).rejects.toThrow(
      /is U8.*packed/,
    );
    const path = await writeOriginal(grouped, 'other');
    await expect(openOriginal(localFolder(path), tiny)).rejects.toThrow(/but the ternary matrix is .* another model/);
    await grouped.checkpoint.close();
    await tiny.checkpoint.close();
  });

  it('is what masters were rounded to, when the masters are given', async () => {
    const masters = await opened((await readGolden('llama-online')).folder);
    const original = await openOriginal(masters.checkpoint.folder, masters);
    for (const one of await ternaryDistance(ternaryMatrices(masters), original)) {
      expect(one.equalCodes).toBe(1);
      expect(one.relativeRms).toBeCloseTo(one.roundedRms, 6);
    }
    await original.close();
    await masters.checkpoint.close();
  });
});

describe('what cannot be', () => {
  it('is told', async () => {
    const dense = await opened((await readGolden('llama-dense')).folder);
    await expect(ternaryWeights(ternaryMatrices(dense))).rejects.toThrow(/no ternary matrices/);
    await dense.checkpoint.close();
    const { model } = await caseOf('llama-dense', someBackends[0]![1]);
    await expect(activationErrors(model, [1, 2])).rejects.toThrow(/no ternary layers that round/);
    await model.dispose();
  });
});
