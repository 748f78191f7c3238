/** src/base/math.ts: as near to the true values as it says, and the same bits in every engine. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { cos, exp, log, log1p, pow, sin, tanh } from '../src/base/math.ts';
import { Random } from '../src/sampler/random.ts';

/** The distance from a double to the next larger one in magnitude. */
function unitInLastPlace(x: number): number {
  const double = new Float64Array([Math.abs(x)]);
  new BigUint64Array(double.buffer)[0]! += 1n;
  return (double[0] as number) - Math.abs(x);
}

const functions = { exp, log, log1p, tanh, sin, cos };
type Name = keyof typeof functions;

const random = Random.fromSeed(1);
const between = (low: number, high: number) => low + (high - low) * random.uniform();
const spread = (low: number, high: number) => 10 ** between(low, high) * Math.sign(between(-1, 1));

/** The engine's own functions are within one unit of the true value, so ours are within one more than is measured. */
const CASES: readonly (readonly [Name, string, number, () => number])[] = [
  ['exp', 'everywhere', 1, () => between(-745, 709)],
  ['exp', 'near 0', 1, () => spread(-20, 0)],
  ['log', 'everywhere', 1, () => 10 ** between(-323, 308)],
  ['log', 'near 1', 1, () => 1 + spread(-16, -1)],
  ['log1p', 'everywhere', 2, () => 10 ** between(-30, 30)],
  ['log1p', 'below 0', 2, () => -(10 ** between(-30, -0.01))],
  ['sin', 'of small angles', 1, () => spread(-10, 1)],
  ['sin', 'of large angles', 1, () => spread(1, 8)],
  ['cos', 'of small angles', 1, () => spread(-10, 1)],
  ['cos', 'of large angles', 1, () => spread(1, 8)],
];

describe('errors stay below what is stated', () => {
  test.each(CASES)('%s %s: %i in the last place', (name, _, most, draw) => {
    const ours = functions[name];
    const engines = Math[name];
    for (let i = 0; i < 20_000; i++) {
      const x = draw();
      const error = Math.abs(ours(x) - engines(x)) / unitInLastPlace(engines(x));
      if (!(error <= most)) expect.fail(`${name}(${x}) = ${ours(x)}, ${error} units from ${engines(x)}`);
    }
  });

  test('tanh: 2^-51', () => {
    for (let i = 0; i < 20_000; i++) {
      const x = spread(-10, 1.5);
      expect(Math.abs(tanh(x) - Math.tanh(x))).toBeLessThan(2 ** -51);
    }
  });

  test('pow: as stated', () => {
    for (let i = 0; i < 20_000; i++) {
      const [x, y] = [10 ** between(0, 8), between(0, 1)];
      const error = Math.abs(pow(x, y) / x ** y - 1);
      expect(error).toBeLessThan(2 ** -52 * (3 + Math.abs(y * Math.log(x))));
    }
  });
});

test.each([
  ['exp', [0, 1], [-746, 0], [Number.NEGATIVE_INFINITY, 0], [710, Infinity], [Infinity, Infinity], [NaN, NaN]],
  ['exp', [-745.13, 5e-324], [-745.14, 0]],
  ['log', [1, 0], [0, -Infinity], [-1, NaN], [Infinity, Infinity], [NaN, NaN], [5e-324, Math.log(5e-324)]],
  ['log1p', [0, 0], [-1, -Infinity], [-2, NaN], [1e-300, 1e-300], [Infinity, Infinity], [NaN, NaN]],
  ['tanh', [0, 0], [1000, 1], [-1000, -1], [NaN, NaN]],
  ['sin', [0, 0], [1e9, NaN], [NaN, NaN], [Infinity, NaN]],
  ['cos', [0, 1], [-1e9, NaN], [NaN, NaN]],
] as [Name, ...[number, number][]][])('%s at the ends of its range', (name, ...pairs) => {
  for (const [x, y] of pairs) expect(functions[name](x), `${name}(${x})`).toBe(y);
});

test('the bits are those of the first engine that ran this test', () => {
  const inputs = Random.fromSeed(2);
  const results = Float64Array.from({ length: 60_000 }, (_, i) => {
    const x = inputs.uniform();
    const of = [
      () => exp(1400 * x - 700),
      () => log(x),
      () => log1p(x),
      () => tanh(x),
      () => sin(1e6 * x),
      () => cos(1e6 * x),
    ];
    return (of[i % of.length] as () => number)();
  });
  const hash = createHash('sha256').update(new Uint8Array(results.buffer)).digest('hex');
  expect(hash).toBe('7e04bcdefa3717edac90b96297c72371a904fd09801c0a4376c175b1d90f561d');
});
