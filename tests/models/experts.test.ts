/** The outputs of single experts are what its weights make of the reference's inputs, and add up to what the reference makes of all of them. */
import { describe, expect, it } from 'vitest';
import { Model } from '../../src/api/model.ts';
import type { TypedArray } from '../../src/base/tensor.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { toFloats } from '../../src/formats/numbers.ts';
import { openModel } from '../../src/loader/open.ts';
import { loadTensors } from '../../src/node.ts';
import { backends } from '../backends.ts';
import { readGolden } from '../goldens.ts';

/** Largest difference, as a share of the largest number; as of the goldens. */
const TOLERANCE = 5e-5;

function expectNear(found: ArrayLike<number>, wanted: Float32Array): void {
  expect(found.length).toBe(wanted.length);
  const largest = Math.max(...wanted.map(Math.abs));
  wanted.forEach((x, i) => {
    if (!(Math.abs((found[i] as number) - x) <= TOLERANCE * largest)) expect.fail(`[${i}] is ${found[i]}, wanted ${x}`);
  });
}

describe.each(backends)('on the %s backend', (_, create) => {
  it.each(['granite-moe-10', 'granite-moe-formula'])('%s', async (name) => {
    const golden = await readGolden(name);
    const model = await Model.load(await openModel(localFolder(golden.folder), { weights: 'f32' }), await create());
    const site = (name: string) => golden.sites.get(`blocks.0.${name}`)?.data as TypedArray;
    const stored = await loadTensors(`${golden.folder}/model.safetensors`);
    const weight = (name: string) => {
      const { shape, dtype, data } = stored.get(`model.layers.0.block_sparse_moe.${name}`)!;
      return { shape, data: dtype === 'bf16' ? toFloats('bf16', data) : (data as Float32Array) };
    };
    const { shape, data: up } = weight('input_linear.weight');
    const { data: down } = weight('output_linear.weight');
    const [, rows, m] = shape as [number, number, number];
    const inner = rows / 2;
    const [x, ids, gates] = [site('mlpIn'), site('expertIds'), site('expertGates')];
    const active = ids.length / golden.ids.length;

    const dot = (a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number, count: number) => {
      let sum = 0;
      for (let k = 0; k < count; k++) sum += (a[i + k] as number) * (b[j + k] as number);
      return sum;
    };
    const wanted = Float32Array.from({ length: ids.length * m }, (_, i) => {
      const [slot, row] = [Math.floor(i / m), i % m];
      const expert = ids[slot] as number;
      const hidden = Array.from({ length: inner }, (_, f) => {
        const from = Math.floor(slot / active) * m;
        const [g, u] = [f, inner + f].map((r) => dot(x, from, up, (expert * rows + r) * m, m)) as [number, number];
        return (g / (1 + Math.exp(-g))) * u;
      });
      return dot(hidden, 0, down, (expert * m + row) * inner, inner);
    });
    const captured = await model.capture(golden.ids, { sites: ['blocks.0.expertOut'] });
    const { shape: found, data } = captured.get('blocks.0.expertOut')!;
    expect(found).toEqual([golden.ids.length, active, m]);
    expectNear(data, wanted);

    const sums = Array.from({ length: golden.ids.length * m }, (_, i) => {
      const [t, row] = [Math.floor(i / m), i % m];
      return Array.from({ length: active }, (_, j) => t * active + j).reduce(
        (sum, slot) => sum + (gates[slot] as number) * (data[slot * m + row] as number),
        0,
      );
    });
    expectNear(sums, site('mlpOut') as Float32Array);
    await model.dispose();
  });
});
