/**
 * Gradients of Mamba's ops equal those of the authors' CUDA kernels (tests/fixtures/mamba-ssm; made by tools/reference/make_mamba_gradients.py).
 * The loss is the sum of the outputs.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Tape } from '../../src/autodiff/tape.ts';
import type { Backend } from '../../src/backends/backend.ts';
import { eager } from '../../src/backends/eager.ts';
import { size, type Tensor } from '../../src/base/tensor.ts';
import type { Ops } from '../../src/ops/index.ts';
import { backends } from '../backends.ts';
import { live } from '../ops/run.ts';

interface Stored {
  readonly shape: readonly number[];
  /** Nested lists. */
  readonly data: unknown;
}
interface Case {
  readonly inputs: Readonly<Record<string, Stored>>;
  readonly outputs: Readonly<Record<string, Stored>>;
  readonly gradients: Readonly<Record<string, Stored>>;
}

const file = fileURLToPath(new URL('../fixtures/mamba-ssm/gradients.json', import.meta.url));
const cases = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Case>;

/** Numbers of a tensor as our ops have them: sequences packed one after another, channels last. */
function packed({ shape, data }: Stored, channelsFirst: boolean): { shape: number[]; data: Float32Array } {
  const flat = (data as unknown[]).flat(Number.POSITIVE_INFINITY) as number[];
  if (shape.length < 3) return { shape: [...shape], data: Float32Array.from(flat) };
  const [batch, second, third] = shape as [number, number, number];
  const [t, e] = channelsFirst ? [third, second] : [second, third];
  const at = (b: number, row: number, column: number) =>
    channelsFirst ? (b * second + column) * third + row : (b * second + row) * third + column;
  const numbers = Float32Array.from({ length: batch * t * e }, (_, i) => {
    const row = Math.floor(i / e);
    return flat[at(Math.floor(row / t), row % t, i % e)] as number;
  });
  return { shape: [batch * t, e], data: numbers };
}

type Tensors = Readonly<Record<string, Tensor>>;

interface Law {
  readonly name: string;
  readonly channelsFirst: boolean;
  readonly y: (ops: Ops, x: Tensors) => Tensor;
}

/** Two sequences of five tokens. */
const STARTS = [0, 5, 10];
const slots = (ops: Ops) => ops.upload(Int32Array.of(0, 1), [2]);

const laws: readonly Law[] = [
  {
    name: 'selectiveScan',
    channelsFirst: true,
    y: (ops, { u, delta, A, B, C }) =>
      ops.selectiveScan(
        {
          x: u as Tensor,
          dt: ops.softplus(delta as Tensor),
          a: A as Tensor,
          b: B as Tensor,
          c: C as Tensor,
          d: ops.zeros([3]),
        },
        { pool: ops.zeros([2, 3, 4]), slots: slots(ops), starts: STARTS },
      ),
  },
  {
    name: 'causalConv',
    channelsFirst: true,
    y: (ops, { x, weight, bias }) =>
      ops.causalConv(x as Tensor, weight as Tensor, bias as Tensor, {
        pool: ops.zeros([2, 3, 8]),
        slots: slots(ops),
        starts: STARTS,
      }),
  },
  { name: 'rmsNorm', channelsFirst: false, y: (ops, { x, w }) => ops.rmsNorm(x as Tensor, w as Tensor, 1e-6) },
];

describe.each(backends)('on the %s backend', (_, create) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  it.each(laws)('$name', async ({ name, channelsFirst, y }) => {
    const { inputs, outputs, gradients } = cases[name] as Case;
    const names = Object.keys(inputs);
    const tensors: Record<string, Tensor> = {};
    for (const key of names)
      tensors[key] = await live(backend, { ...packed(inputs[key] as Stored, channelsFirst), dtype: 'f32' });
    const trained = new Map(Object.values(tensors).map((x) => [x, backend.allocate(x.shape, 'f32')]));
    const found = await backend.step(async () => {
      const tape = new Tape(eager(backend), { trained });
      const result = y(tape.ops, tensors);
      const read = await backend.read(result);
      tape.backward([[result, tape.ops.upload(new Float32Array(size(result.shape)).fill(1), result.shape)]]);
      return read;
    });
    const wanted = packed(outputs.y as Stored, channelsFirst).data;
    for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, 5);
    for (const key of names) {
      const got = await backend.read(trained.get(tensors[key] as Tensor) as Tensor);
      const want = packed(gradients[key] as Stored, channelsFirst).data;
      expect(got.length).toBe(want.length);
      for (const [i, value] of want.entries())
        expect(Math.abs((got[i] as number) - value), `${key}[${i}]`).toBeLessThan(2e-5);
    }
  });
});
