/** Products with weights in floats at sizes that span tiles of tokens, panels of rows and blocks of columns. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { size } from '../../src/base/tensor.ts';
import { linear } from '../../src/ops/linear.ts';
import { generator, type Input, type OpCase } from './cases.ts';
import { runCase } from './run.ts';

const reference = createReferenceBackend();
const backends: Record<string, Backend> = {};
beforeAll(async () => {
  const make = (vectorBits: 128 | 256, threads: number, relaxedSimd: boolean) =>
    createWasmBackend({ platform: { ...nodePlatform, vectorBits }, threads, relaxedSimd });
  backends['of 128 bits'] = await make(128, 1, true);
  backends['of 256 bits'] = await make(256, 2, true);
  backends['of 128 bits, plain'] = await make(128, 2, false);
  backends['of 256 bits, plain'] = await make(256, 1, false);
});
afterAll(() => Promise.all(Object.values(backends).map((backend) => backend.dispose())));

const random = generator(12);
const floats = (shape: readonly number[], dtype: Input['dtype'] = 'f32'): Input => ({
  shape,
  dtype,
  data: Float32Array.from({ length: size(shape) }, () => 4 * random() - 2),
});

/** A turn of the tiles has 1024 columns, a panel 32 rows, a tile 6 tokens. */
const SIZES = [
  { tokens: 31, rows: 67, columns: 2077 },
  { tokens: 17, rows: 33, columns: 1024 },
  { tokens: 13, rows: 5, columns: 9000 },
];

describe.each(SIZES)('$tokens tokens, $rows rows, $columns columns', ({ tokens, rows, columns }) => {
  const x = floats([tokens, columns]);
  const bias = floats([rows]);
  const product = (dtype: Input['dtype'], w: Input, given: Input): OpCase => ({
    name: `linear ${dtype}`,
    op: linear as OpCase['op'],
    inputs: [given, w, bias],
    attrs: { count: 1 },
  });

  describe.each(['f32', 'bf16', 'f16'] as const)('%s', (dtype) => {
    const w = floats([rows, columns], dtype);

    it.each(['of 128 bits', 'of 256 bits', 'of 128 bits, plain', 'of 256 bits, plain'])(
      'a token gives the same bits alone and among any others, in vectors %s',
      async (name) => {
        const backend = backends[name] as Backend;
        const [all] = await runCase(backend, product(dtype, w, x));
        for (let count = 1; count < tokens; count = count < 8 ? count + 1 : 2 * count) {
          const first = tokens - count;
          const data = x.data.slice(first * columns);
          const [some] = await runCase(backend, product(dtype, w, { ...x, shape: [count, columns], data }));
          expect(some).toEqual(all?.slice(first * rows));
        }
      },
    );

    it('is what the reference backend computes', async () => {
      const [wanted] = await runCase(reference, product(dtype, w, x));
      const [found] = await runCase(backends['of 256 bits'] as Backend, product(dtype, w, x));
      const most = 1e-5 * (wanted as Float32Array).reduce((largest, y) => Math.max(largest, Math.abs(y)), 0);
      const off = (found as Float32Array).map((y, i) => Math.abs(y - (wanted?.[i] as number)));
      expect(off.every((distance) => distance <= most)).toBe(true);
    });
  });
});
