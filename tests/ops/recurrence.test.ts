/** Mamba's scan and convolution in the shapes of real models: how exact they are, and that cutting tokens into passes changes no bit. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import type { Shape } from '../../src/base/tensor.ts';
import { type Op, vocabulary } from '../../src/ops/index.ts';
import { generator, type Input, type OpCase } from './cases.ts';
import { runCase } from './run.ts';

const reference = createReferenceBackend();
let plain: Backend;
let threaded: Backend;
beforeAll(async () => {
  plain = await createWasmBackend({ platform: nodePlatform, threads: 1 });
  threaded = await createWasmBackend({ platform: nodePlatform, threads: 3 });
});
afterAll(() => Promise.all([plain.dispose(), threaded.dispose()]));

const random = generator(16);
const floats = (shape: Shape, from = -1, to = 1): Input => ({
  shape,
  dtype: 'f32',
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => from + random() * (to - from)),
});

const numbers = (shape: Shape, data: readonly number[]): Input => ({
  shape,
  dtype: 'f32',
  data: new Float32Array(data),
});

/** One sequence, in the first slot. */
const SLOTS: Input = { shape: [1], dtype: 'i32', data: Int32Array.of(0) };

/** x, dt, a, b, c, d, h of T tokens, E channels, N states. */
const scanInputs = (t: number, e: number, n: number): Input[] => [
  ...[floats([t, e]), floats([t, e], 0, 2), floats([e, n], -16, 0), floats([t, n]), floats([t, n]), floats([e])],
  floats([1, e, n]),
  SLOTS,
];
const convInputs = (t: number, e: number, w: number): Input[] => [
  ...[floats([t, e]), floats([e, w]), floats([e]), floats([1, w - 1, e]), SLOTS],
];

/** These rows of an input. */
const rows = ({ shape, dtype, data }: Input, from: number, to: number): Input => {
  const width = shape.slice(1).reduce((a, b) => a * b, 1);
  return { shape: [to - from, ...shape.slice(1)], dtype, data: data.slice(from * width, to * width) };
};

const oneCase = (name: string, inputs: readonly Input[], tokens: number): OpCase => ({
  name,
  op: vocabulary.find((op) => op.name === name) as unknown as Op<never>,
  inputs,
  attrs: { starts: [0, tokens] },
});

/** e^x as the scan has it: a state of 1 that decays once, with dt 1 and a = x. */
async function decays(xs: readonly number[]): Promise<Float32Array> {
  const e = xs.length;
  const [zeros, ones] = [new Array<number>(e).fill(0), new Array<number>(e).fill(1)];
  const inputs = [numbers([1, e], zeros), numbers([1, e], ones), numbers([e, 1], xs), numbers([1, 1], [1])];
  inputs.push(numbers([1, 1], [1]), numbers([e], zeros), numbers([1, e, 1], ones), SLOTS);
  return (await runCase(plain, oneCase('selectiveScan', inputs, 1)))[0] as Float32Array;
}

describe('the exponential of the scan', () => {
  it('is within 2 + 1.2 |x| units of 2^-23, down to the smallest normal number', async () => {
    const xs = Array.from({ length: 200_000 }, (_, i) => Math.fround(-87.33 * random() ** (1 + (i % 8))));
    const found = await decays(xs);
    const off = xs.map((x, i) => Math.abs((found[i] as number) / Math.exp(x) - 1) / (2 + 1.2 * Math.abs(x)));
    expect(off.reduce((a, b) => Math.max(a, b)) * 2 ** 23).toBeLessThan(1);
  });

  it('is exactly 1 at 0, and almost nothing where f32 ends', async () => {
    const [one, minusZero, ...small] = await decays([0, -0, -88, -104, -1e4, -3e38, Number.NEGATIVE_INFINITY]);
    expect([one, minusZero]).toEqual([1, 1]);
    for (const x of small) expect(x).toBeLessThanOrEqual(2 ** -126);
  });

  it('passes NaN on, and nothing fails at numbers that make no sense', async () => {
    const found = await decays([Number.NaN, Number.POSITIVE_INFINITY, 1e30, -1]);
    expect(found[0]).toBeNaN();
    expect(found[3]).toBeCloseTo(Math.exp(-1), 6);
  });
});

const shapes = [
  [256, 16, 4],
  [131, 16, 4],
  [130, 7, 3],
  [65, 5, 1],
] as const;

describe.each(shapes)('with %i channels, %i states, a window of %i', (e, n, w) => {
  const tokens = 19;
  const kinds = [
    ['selectiveScan', scanInputs(tokens, e, n), [0, 1, 3, 4]],
    ['causalConv', convInputs(tokens, e, w), [0]],
  ] as const;

  it.each(kinds)('%s computes what is defined', async (op, inputs) => {
    const one = oneCase(op, inputs, tokens);
    const [wanted, found] = [await runCase(reference, one), await runCase(plain, one)];
    wanted.forEach((all, i) => {
      const largest = Math.max(0, ...Array.from(all, Math.abs));
      all.forEach((x, k) => {
        if (!(Math.abs((found[i]?.[k] as number) - x) <= 3e-6 * largest))
          expect.fail(`${i} [${k}]: ${found[i]?.[k]}, wanted ${x}`);
      });
    });
  });

  it.each(kinds)(
    '%s gives the same bits however tokens are cut into passes, with any threads',
    async (op, inputs, perToken) => {
      const [whole, endState] = await runCase(plain, oneCase(op, inputs, tokens));
      for (const cuts of [[1], [5, 6, 7], [3, 16], Array.from({ length: tokens - 1 }, (_, i) => i + 1)]) {
        for (const backend of [plain, threaded]) {
          let state = inputs.at(-2) as Input;
          const ends = [...cuts, tokens];
          for (const [i, end] of ends.entries()) {
            const start = ends[i - 1] ?? 0;
            const part = inputs.map((x, k) => ((perToken as readonly number[]).includes(k) ? rows(x, start, end) : x));
            const [y, after] = await runCase(backend, oneCase(op, [...part.slice(0, -2), state, SLOTS], end - start));
            expect(y).toEqual(whole?.slice(start * e, end * e));
            state = { ...state, data: after as Float32Array };
          }
          expect(state.data).toEqual(endState);
        }
      }
    },
  );
});
