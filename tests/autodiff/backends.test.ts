/** Gradients of whole models by the kernels: those of the reference backend; threads, recomputation and the width of registers change no bit. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { eager } from '../../src/backends/eager.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import type { Tensor } from '../../src/base/tensor.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { fill } from '../../src/loader/fill.ts';
import { openModel } from '../../src/loader/open.ts';
import { addColumns } from '../../src/ops/backward/add-columns.ts';
import { multiply } from '../../src/ops/backward/elementwise-backward.ts';
import { Ops, type Tracer } from '../../src/ops/index.ts';
import { passOver } from '../../src/training/pass.ts';
import { generator } from '../ops/cases.ts';

const CHECKPOINTS = [
  'backpack-formula',
  'backpack-levanter',
  'llama-dense',
  'mamba-odd',
  'falcon-mamba',
  'granite-formula',
  'granite-moe-formula',
  'granite-moe-shared',
];

/**
 * Of the largest number of a tensor: each layer rounds to f32 once more, and adds up in another order. For a bias also of the root of the sum of squares of
 * what is added up to it: a softmax does not see a bias of all keys, so that gradients of keys come to nothing together, but their rounding does not.
 */
const TOLERANCE = 3e-5;

const folderOf = (name: string) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));

/** Also adds up the squares of what is added to gradients of biases, to the tensor beside each. */
const withSquares = (inner: Tracer, squares: ReadonlyMap<Tensor, Tensor>): Tracer => ({
  ...inner,
  apply(op, inputs, attrs) {
    const [sum, y] = inputs as [Tensor, Tensor];
    const own = op.name === addColumns.name && squares.get(sum);
    if (own) inner.apply(addColumns, [own, inner.apply(multiply, [y, y], undefined)[0] as Tensor], undefined);
    return inner.apply(op, inputs, attrs);
  },
});

/** Losses, the gradients of all weights by name, and for each the largest number of what is added up to it, where it is a bias. */
async function gradientsOn(
  create: () => Backend | Promise<Backend>,
  name: string,
  { recompute = false, lengths = [7, 1, 8] } = {},
) {
  const opened = await openModel(localFolder(folderOf(name)), { weights: 'f32' });
  const backend = await create();
  const plain = eager(backend);
  await fill(opened.plan, backend, new Ops(plain));
  await opened.checkpoint.close();
  const named = [...opened.plan.slices].flatMap(([key, slices]) =>
    slices.map(({ target }, i) => [`${key} ${i}`, target] as const),
  );
  const weights = named.filter(([, { dtype }]) => dtype === 'f32');
  const trained = new Map<Tensor, Tensor>();
  for (const [, w] of weights) if (!trained.has(w)) trained.set(w, backend.allocate(w.shape, 'f32'));
  const vectors = [...trained.values()].filter(({ shape }) => shape.length === 1);
  const squares = new Map(vectors.map((sum) => [sum, backend.allocate(sum.shape, 'f32')]));
  const tracer = withSquares(plain, squares);
  const random = generator(11);
  const { vocabSize } = opened.model.facts;
  const draw = (count: number) => Int32Array.from({ length: count }, () => 1 + Math.floor(random() * (vocabSize - 1)));
  const rows = lengths.reduce((sum, length) => sum + length, 0);
  const examples = { sequences: lengths.map(draw), targets: draw(rows) };
  examples.targets[3] = -1;
  const factors = { perTarget: 1 / (rows - 1), perRow: 1e-2 / rows };
  const losses = await passOver({ model: opened.model, backend, tracer }, examples, { trained, ...factors, recompute });
  const gradients: [string, Float32Array][] = [];
  const added: number[] = [];
  for (const [key, w] of weights) {
    const sum = trained.get(w) as Tensor;
    gradients.push([key, (await backend.read(sum)) as Float32Array]);
    const own = squares.get(sum);
    added.push(own ? Math.sqrt(mostOf((await backend.read(own)) as Float32Array)) : 0);
  }
  await backend.dispose();
  return { losses, gradients, added };
}

const mostOf = (numbers: Float32Array) => numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

const kernels = (threads: number, vectorBits: 128 | 256) => () =>
  createWasmBackend({ platform: { ...nodePlatform, vectorBits }, threads });

describe.each(CHECKPOINTS)('%s', (name) => {
  it('has the gradients of the reference backend, with the same bits however it is computed', async () => {
    const wanted = await gradientsOn(createReferenceBackend, name);
    const found = await gradientsOn(kernels(1, 128), name);
    expect(found.gradients.map(([key]) => key)).toEqual(wanted.gradients.map(([key]) => key));
    expect(Math.abs(found.losses.crossEntropy / wanted.losses.crossEntropy - 1)).toBeLessThan(TOLERANCE);
    const worst = wanted.gradients.map(([key, numbers], n) => {
      const own = found.gradients[n]?.[1] as Float32Array;
      const off = numbers.reduce((most, x, i) => Math.max(most, Math.abs(x - (own[i] as number))), 0);
      return { key, off, allowed: TOLERANCE * Math.max(mostOf(numbers), wanted.added[n] as number) };
    });
    expect(worst.filter(({ off, allowed }) => !(off <= allowed))).toEqual([]);
    expect(await gradientsOn(kernels(3, 256), name)).toEqual(found);
    expect(await gradientsOn(kernels(2, 128), name, { recompute: true })).toEqual(found);
  });
});

describe.each(['llama-dense', 'granite-formula'])('%s, of which each token sees only itself', (name) => {
  it.each([
    ['reference', createReferenceBackend],
    ['kernels for 128 bits', kernels(1, 128)],
    ['kernels for 256 bits', kernels(2, 256)],
  ])('has no gradient of queries and keys, not even one of rounding: %s', async (_, create) => {
    const { gradients } = await gradientsOn(create, name, { lengths: [1, 1, 1, 1] });
    const scored = gradients.filter(([key]) => /[qk]_proj/.test(key));
    expect(scored.length).toBeGreaterThan(3);
    expect(scored.filter(([, numbers]) => mostOf(numbers) > 0).map(([key]) => key)).toEqual([]);
  });
});
