/** The kernels quantise to the bytes of the definition, whatever the numbers, their type and their order. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, Block } from '../../src/backends/backend.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import type { Format } from '../../src/formats/format.ts';
import { toBf16, toF16 } from '../../src/formats/numbers.ts';
import { q4 } from '../../src/formats/q4.ts';
import { q8 } from '../../src/formats/q8.ts';

/** Numbers as weights are, exact powers and halves that round to even, zeros of both signs, and very large and small ones. */
const value = fc.oneof(
  { weight: 8, arbitrary: fc.double({ min: -1, max: 1, noNaN: true }) },
  { weight: 2, arbitrary: fc.integer({ min: -64, max: 64 }).map((n) => n / 2) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 2 ** -100, 2 ** -120, -(2 ** -24), 1e30, -60000, 2 ** -140) },
);

interface Case {
  readonly dtype: Format;
  readonly from: 'f32' | 'bf16' | 'f16';
  readonly transposed: boolean;
  readonly experts: number;
  readonly rows: number;
  readonly columns: number;
  readonly values: readonly number[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  dtype: fc.constantFrom<Format>(q8, q4),
  from: fc.constantFrom('f32', 'bf16', 'f16'),
  transposed: fc.boolean(),
  experts: fc.integer({ min: 1, max: 3 }),
  rows: fc.integer({ min: 1, max: 20 }),
  columns: fc.integer({ min: 1, max: 80 }),
  values: fc.array(value, { minLength: 1, maxLength: 97 }), // shorter than rows, so that no two are alike
});

function bytesOf({ from, values }: Case, count: number): Uint8Array {
  const number = (i: number) => (values[i % values.length] as number) * (1 + (i % 13) / 16);
  if (from === 'f32') return new Uint8Array(Float32Array.from({ length: count }, (_, i) => number(i)).buffer);
  const narrow = from === 'bf16' ? toBf16 : (x: number) => toF16(Math.min(65504, Math.max(-65504, x)));
  return new Uint8Array(Uint16Array.from({ length: count }, (_, i) => narrow(Math.fround(number(i)))).buffer);
}

/** Fills in two pieces, as files are read: rows, or columns of a transposed matrix, which begin where blocks do. */
async function fillIn(backend: Backend, example: Case): Promise<Uint8Array> {
  const { dtype, from, transposed, experts, rows: rowsOfEach, columns } = example;
  const shape = transposed || experts === 1 ? [rowsOfEach, columns] : [experts, rowsOfEach, columns];
  const rows = shape.slice(0, -1).reduce((product, n) => product * n, 1);
  const all = bytesOf(example, rows * columns);
  const width = all.length / (rows * columns);
  const x = backend.allocate(shape, dtype);
  const blocks: Block[] = [];
  if (transposed) {
    for (let column = 0; column < columns; column += 32) {
      const count = Math.min(32, columns - column);
      const bytes = all.slice(column * rows * width, (column + count) * rows * width);
      blocks.push({ row: 0, column, rows, columns: count, dtype: from, bytes, transposed });
    }
  } else {
    const half = Math.ceil(rows / 2);
    for (const [row, count] of [
      [0, half],
      [half, rows - half],
    ] as const) {
      const bytes = all.slice(row * columns * width, (row + count) * columns * width);
      if (count > 0) blocks.push({ row, column: 0, rows: count, columns, dtype: from, bytes, transposed });
    }
  }
  for (const block of blocks) await backend.fill(x, block);
  const bytes = (await backend.read(x)) as Uint8Array;
  backend.free(x);
  return bytes;
}

describe.each([
  [1, true],
  [1, false],
  [3, true],
])('%i threads, relaxed SIMD %s', (threads, relaxedSimd) => {
  let wasm: Backend;
  beforeAll(async () => {
    wasm = await createWasmBackend({ platform: nodePlatform, threads, relaxedSimd });
  });
  afterAll(() => wasm.dispose());

  it('fills blocks with the bytes of the definition', async () => {
    const reference = createReferenceBackend();
    await fc.assert(
      fc.asyncProperty(cases, async (example) => {
        expect(await fillIn(wasm, example)).toEqual(await fillIn(reference, example));
      }),
      { numRuns: 120 },
    );
  });
});
