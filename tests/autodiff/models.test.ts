/** The gradient of whole models is the slope of their loss: central differences in double precision, along random directions. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { eager } from '../../src/backends/eager.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import type { Tensor } from '../../src/base/tensor.ts';
import { size } from '../../src/base/tensor.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { derive, fill } from '../../src/loader/fill.ts';
import { openModel } from '../../src/loader/open.ts';
import { Ops } from '../../src/ops/index.ts';
import { passOver } from '../../src/training/pass.ts';
import { generator } from '../ops/cases.ts';

const CHECKPOINTS = [
  'backpack-formula',
  'backpack-levanter',
  'llama-dense',
  'llama-rope-yarn',
  'mamba-odd',
  'falcon-mamba',
  'granite-formula',
  'granite-moe-formula',
  'granite-moe-shared',
];

const folderOf = (name: string) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));

async function load(name: string, precision: 'f32' | 'f64') {
  const opened = await openModel(localFolder(folderOf(name)), { weights: 'f32' });
  const backend = createReferenceBackend({ precision });
  const tracer = eager(backend);
  await fill(opened.plan, backend, new Ops(tracer));
  await opened.checkpoint.close();
  const weights = [...opened.plan.slices.values()].flat().map(({ target }) => target);
  return { opened, backend, tracer, weights: weights.filter(({ dtype }) => dtype === 'f32') };
}

describe.each(CHECKPOINTS)('%s', (name) => {
  it('has the slope of the loss as its gradient', async () => {
    const { opened, backend, tracer, weights } = await load(name, 'f64');
    const parts = { model: opened.model, backend, tracer };
    const random = generator(7);
    const { vocabSize } = opened.model.facts;
    // Not 0, which is the padding of some: by the reference's rule its embedding learns nothing from being read.
    const draw = (count: number) =>
      Int32Array.from({ length: count }, () => 1 + Math.floor(random() * (vocabSize - 1)));
    const examples = { sequences: [draw(5), draw(1), draw(8)], targets: draw(14) };
    examples.targets[3] = -1;
    const trained = new Map<Tensor, Tensor>(weights.map((w) => [w, backend.allocate(w.shape, 'f32')]));
    const factors = { perTarget: 1 / 13, perRow: 1e-2 / 14 };
    const losses = await passOver(parts, examples, { trained, ...factors });
    const loss = ({ crossEntropy, squares }: typeof losses) =>
      crossEntropy * factors.perTarget + squares * factors.perRow;
    const direction = weights.map(({ shape }) => Float64Array.from({ length: size(shape) }, () => random() - 0.5));
    const before = await Promise.all(weights.map(async (w) => Float64Array.from(await backend.read(w))));
    const at = async (step: number) => {
      weights.forEach((w, i) => {
        const numbers = (w.place as { data: Float64Array }).data;
        numbers.set((before[i] as Float64Array).map((x, k) => x + step * (direction[i]?.[k] as number)));
      });
      await derive(opened.plan, backend, new Ops(tracer));
      return loss(await passOver(parts, examples, { trained: new Map(), ...factors }));
    };
    const eps = 1e-5;
    const slope = ((await at(eps)) - (await at(-eps))) / (2 * eps);
    let product = 0;
    for (const [i, w] of weights.entries()) {
      const gradient = await backend.read(trained.get(w) as Tensor);
      gradient.forEach((g, k) => {
        product += g * (direction[i]?.[k] as number);
      });
    }
    expect(Math.abs(product - slope)).toBeLessThan(1e-6 * Math.max(1, Math.abs(slope)));
    expect(loss(losses)).toBeGreaterThan(1); // all is in vain if the loss is not that of these tokens
  });

  it('has the same bits when scopes are computed again', async () => {
    const { opened, backend, tracer, weights } = await load(name, 'f32');
    const examples = { sequences: [[1, 2, 3, 4], [2]], targets: Int32Array.from([2, 3, 4, 5, 1]) };
    const gradients = async (recompute: boolean) => {
      const trained = new Map<Tensor, Tensor>(weights.map((w) => [w, backend.allocate(w.shape, 'f32')]));
      const parts = { model: opened.model, backend, tracer };
      const losses = await passOver(parts, examples, { trained, perTarget: 0.2, perRow: 0, recompute });
      return { losses, all: await Promise.all([...trained.values()].map((x) => backend.read(x))) };
    };
    const kept = await gradients(false);
    expect(await gradients(true)).toEqual(kept);
    expect(kept.all.every((numbers) => numbers.some((x) => x !== 0))).toBe(true);
  });
});
