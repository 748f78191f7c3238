/** The error that is reported is that of the weights: all of a small tensor, some of a large one. */
import { expect, test } from 'vitest';
import { opsOf } from '../../src/backends/eager.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { floatsOf } from '../../src/backends/reference/memory.ts';
import { CheckpointError } from '../../src/base/errors.ts';
import { size } from '../../src/base/tensor.ts';
import { readSafetensors } from '../../src/checkpoint/safetensors.ts';
import { type SavedTensor, safetensorsBytes } from '../../src/checkpoint/save.ts';
import { fill } from '../../src/loader/fill.ts';
import { Plan } from '../../src/loader/plan.ts';
import { roundingErrors } from '../../src/loader/rounding.ts';
import type { Weights } from '../../src/models/weights.ts';
import { bytesOfAll } from '../checkpoint/saved.ts';
import { sourceOf } from '../checkpoint/zip-writer.ts';

const missing = (name: string) => new CheckpointError(`no tensor '${name}'`);

interface Stored {
  readonly name: string;
  readonly shape: readonly number[];
}

const numbersOf = ({ name, shape }: Stored): Float32Array =>
  Float32Array.from({ length: size(shape) }, (_, i) => Math.sin(name.length + i * i) * (1 + (i % 7)));

async function load(stored: readonly Stored[], declare: (w: Weights) => void, weights: 'q8' | 'q4' | 'bf16') {
  const tensors = stored.map(
    (tensor): SavedTensor => ({
      ...tensor,
      dtype: 'F32',
      bytes: () => [new Uint8Array(numbersOf(tensor).buffer)],
    }),
  );
  const read = await readSafetensors(sourceOf(await bytesOfAll(safetensorsBytes(tensors))));
  const byName = new Map(read.map((tensor) => [tensor.name, tensor]));
  const plan = new Plan(byName, {}, { weights, ternaryScale: 'divide', missing });
  declare(plan.weights);
  const { onFilled, parts } = roundingErrors();
  const backend = createReferenceBackend();
  await fill(plan, backend, opsOf(backend), { onFilled });
  return { plan, parts: parts() };
}

test.each(['q8', 'q4', 'bf16'] as const)('of small tensors of any kind it is exact: %s', async (weights) => {
  const stored = [
    { name: 'layers.0.x.weight', shape: [40, 17] },
    { name: 'layers.1.x.weight', shape: [40, 17] },
    { name: 'y.weight', shape: [17, 40] },
    { name: 'experts', shape: [2, 9, 33] },
    { name: 'table', shape: [20, 64] },
    { name: 'norm', shape: [40] },
  ];
  const declare = (w: Weights) => {
    w.list('layers', 2, (layer) => layer.split('x', 40, [12, 5], { transposed: true }));
    w.split('y', 40, [5, 12]);
    w.experts('experts', [2, 9, 33]);
    w.table('table', 20, 64);
    w.tensor('norm', [40]);
  };
  const { plan, parts } = await load(stored, declare, weights);
  const wanted = new Map<string, { differences: number; squares: number; weights: number }>();
  for (const tensor of stored) {
    if (tensor.name === 'norm') continue;
    const name = tensor.name.replace(/\.\d\./, '.*.');
    const sum = wanted.get(name) ?? { differences: 0, squares: 0, weights: 0 };
    wanted.set(name, sum);
    const numbers = numbersOf(tensor);
    for (const { target, firstRow, transposed } of plan.slices.get(tensor.name) ?? []) {
      const columns = target.shape.at(-1) as number;
      floatsOf(target).forEach((y, i) => {
        const [row, column] = [firstRow + Math.floor(i / columns), i % columns];
        const at = transposed ? column * (tensor.shape[1] as number) + row : row * columns + column;
        const x = numbers[at] as number;
        sum.differences += (x - y) ** 2;
        sum.squares += x ** 2;
        sum.weights++;
      });
    }
  }
  expect(parts.map(({ name }) => name)).toEqual([...wanted.keys()]);
  for (const { name, stored, kept, compared, weights: count, relativeError } of parts) {
    const sum = wanted.get(name) as { differences: number; squares: number; weights: number };
    expect([stored, kept, compared, count]).toEqual(['F32', weights, sum.weights, sum.weights]);
    expect(relativeError).toBeCloseTo(Math.sqrt(sum.differences / sum.squares), 10);
    expect(relativeError).toBeGreaterThan(0);
  }
});

test('of a large tensor it is that of 128 rows', async () => {
  const stored = [{ name: 'table', shape: [2000, 32] }];
  const { parts } = await load(stored, (w) => void w.table('table', 2000, 32), 'q8');
  expect(parts).toMatchObject([{ name: 'table', weights: 64_000, compared: 128 * 32 }]);
});
