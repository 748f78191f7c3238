/** Paired statistics, against numbers that are known. */
import { describe, expect, it } from 'vitest';
import { compareSamples } from '../../src/evaluation/compare/compare.ts';
import { bootstrap, mcNemar } from '../../src/evaluation/compare/paired.ts';

describe("McNemar's test", () => {
  // exact sums of binomial coefficients
  it.each([
    [0, 0, 1],
    [1, 9, 0.021484375],
    [9, 1, 0.021484375],
    [5, 5, 1],
    [10, 25, 0.01667384780012071],
    [500, 600, 0.0028195449914364275],
  ])('only first %i, only second %i: p = %f', (b, c, p) => {
    expect(mcNemar(b, c)).toBeCloseTo(p, 10);
  });
});

it('the bootstrap has the spread of a mean, and the same seed gives the same interval', () => {
  const differences = Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? 1 : i % 8 === 1 ? -1 : 0));
  const { difference, interval, p } = bootstrap(differences);
  expect(difference).toBe(0.125);
  const deviation = Math.sqrt((100 + 50 - 400 * 0.125 ** 2) / 399 / 400);
  expect(interval[0]).toBeCloseTo(0.125 - 1.96 * deviation, 2);
  expect(interval[1]).toBeCloseTo(0.125 + 1.96 * deviation, 2);
  expect(p).toBeLessThan(0.001);
  expect(bootstrap(differences)).toEqual({ difference, interval, p });
  expect(bootstrap([1, -1, 1, -1]).p).toBe(1);
});

describe('samples', () => {
  const sample = (doc_id: number, acc: number, more = {}) => ({
    doc_id,
    doc_hash: `${doc_id}`,
    acc,
    metrics: ['acc'],
    ...more,
  });

  it('are compared by documents that both runs have, for every filter', () => {
    const first = [sample(0, 1), sample(1, 0), sample(2, 0), sample(0, 1, { filter: 'strict' })];
    const second = [sample(0, 1, { filter: 'strict' }), sample(1, 1), sample(0, 1), sample(7, 1)];
    const [one, other] = compareSamples('task', first, second);
    expect(one).toMatchObject({ filter: 'none', metric: 'acc', documents: 2, first: 0.5, second: 1, difference: 0.5 });
    expect(one?.mcNemar).toMatchObject({ onlyFirst: 0, onlySecond: 1, p: 1 });
    expect(other).toMatchObject({ filter: 'strict', documents: 1, difference: 0 });
  });

  it('of other documents are an error', () => {
    expect(() => compareSamples('task', [sample(0, 1)], [sample(0, 1, { doc_hash: 'x' })])).toThrow(/document 0/);
    expect(() => compareSamples('task', [sample(0, 1)], [sample(1, 1)])).toThrow(/no document in common/);
  });
});
