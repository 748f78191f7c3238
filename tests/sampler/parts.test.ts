/** Laws of the sampler's parts: the generator, selection without sorting, logarithms of probabilities. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/base/errors.ts';
import { Random, splitMix64 } from '../../src/sampler/random.ts';
import { logSoftmax, logSumExp, topLogprobs } from '../../src/sampler/sampler.ts';
import { thresholdOf } from '../../src/sampler/select.ts';
import { costOf } from '../cost.ts';

describe('the generator', () => {
  test('gives the numbers of the authors’ xoshiro128starstar.c 1.1 from state 1, 2, 3, 4', () => {
    const random = new Random([1, 2, 3, 4]);
    const wanted = [
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ];
    expect(wanted.map(() => random.word())).toEqual(wanted);
  });

  test('is seeded with the numbers of splitmix64.c', () => {
    expect(splitMix64(0n, 3)).toEqual([16294208416658607535n, 7960286522194355700n, 487617019471545679n]);
    expect(splitMix64(42n, 2)).toEqual([13679457532755275413n, 2949826092126892291n]);
  });

  test('is uniform in [0, 1) in all of its 53 bits', () => {
    const random = Random.fromSeed(1);
    const values = Array.from({ length: 20_000 }, () => random.uniform());
    expect(values.every((x) => x >= 0 && x < 1)).toBe(true);
    const mean = (list: number[]) => list.reduce((sum, x) => sum + x, 0) / list.length;
    expect(Math.abs(mean(values) - 0.5)).toBeLessThan(4 / Math.sqrt(12 * values.length));
    expect(Math.abs(mean(values.map((x) => (x * 2 ** 52) % 1)) - 0.25)).toBeLessThan(1 / Math.sqrt(values.length));
  });
});

describe('selection', () => {
  const numbers = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 80 });

  test('finds the k-th largest, and how many are above it', () => {
    fc.assert(
      fc.property(numbers, fc.nat(), (values, n) => {
        const k = (n % values.length) + 1;
        const { value, above } = thresholdOf(Float64Array.from(values), k, 'count');
        expect(value).toBe([...values].sort((a, b) => b - a)[k - 1]);
        expect(above).toBe(values.filter((x) => x > value).length);
      }),
    );
  });

  test('finds where the largest reach a sum', () => {
    fc.assert(
      fc.property(numbers, fc.double({ min: 0, max: 1, noNaN: true }), (values, part) => {
        const target = part * values.reduce((sum, x) => sum + x, 0);
        const { value, above } = thresholdOf(Float64Array.from(values), target, 'sum');
        const sumOf = (keep: (x: number) => boolean) => values.filter(keep).reduce((sum, x) => sum + x, 0);
        expect(above).toBe(sumOf((x) => x > value));
        expect(sumOf((x) => x >= value)).toBeGreaterThanOrEqual(target);
        if (target > 0) expect(above).toBeLessThan(target);
        else expect(value).toBe(Math.max(...values));
      }),
    );
  });

  test('is not slow on sorted, equal or organ-pipe numbers', async () => {
    const length = 128_256;
    for (const make of [(i: number) => i, (i: number) => -i, () => 1, (i: number) => Math.min(i, length - i)]) {
      const values = Float64Array.from({ length }, (_, i) => make(i));
      expect(await costOf(() => thresholdOf(values, 50, 'count'))).toBeLessThan(1000);
    }
  });
});

describe('logarithms of probabilities', () => {
  const logits = fc
    .array(fc.float({ min: -1000, max: 1000, noNaN: true }), { minLength: 1, maxLength: 60 })
    .map((values) => Float32Array.from(values));

  test('are those of a sum of one, and shifting the logits changes nothing', () => {
    fc.assert(
      fc.property(logits, (x) => {
        const sum = logSoftmax(x).reduce((total, l) => total + Math.exp(l), 0);
        expect(Math.abs(sum - 1)).toBeLessThan(1e-3); // f32 logarithms of up to 2000
      }),
    );
    const shifted = logSoftmax(Float32Array.from([1001, 1002, 1004]));
    for (const [i, l] of logSoftmax(Float32Array.from([1, 2, 4])).entries()) expect(shifted[i]).toBeCloseTo(l, 6);
  });

  test('-Infinity stays; NaN and Infinity are refused', () => {
    expect(logSoftmax(Float32Array.from([0, Number.NEGATIVE_INFINITY]))).toEqual(
      Float32Array.from([0, Number.NEGATIVE_INFINITY]),
    );
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => logSoftmax(Float32Array.from([0, bad]))).toThrow(CheckpointError);
  });

  test('the k likeliest are the first k of all, sorted; the lower id first among equals', () => {
    const tied = fc
      .array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 60 })
      .map((values) => Float32Array.from(values));
    fc.assert(
      fc.property(fc.oneof(logits, tied), fc.integer({ min: 0, max: 70 }), (x, k) => {
        const total = logSumExp(x);
        const sorted = [...x.keys()].sort((a, b) => (x[b] as number) - (x[a] as number) || a - b);
        expect(topLogprobs(x, k)).toEqual(sorted.slice(0, k).map((id) => ({ id, logprob: (x[id] as number) - total })));
      }),
    );
  });
});
