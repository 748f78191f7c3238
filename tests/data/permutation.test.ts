/** The order of an epoch: every row once, another order for each seed and epoch, and no memory for it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { permutation } from '../../src/data/permutation.ts';

const orderOf = (count: number, seed: number, epoch = 0) => {
  const at = permutation(count, seed, epoch);
  return Array.from({ length: count }, (_, i) => at(i));
};

describe('a permutation', () => {
  test('has every place once, for any count, seed and epoch', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.maxSafeNat(), fc.nat(), (count, seed, epoch) => {
        const order = orderOf(count, seed, epoch);
        expect(new Set(order).size).toBe(count);
        expect(Math.min(...order)).toBe(0);
        expect(Math.max(...order)).toBe(count - 1);
      }),
      { numRuns: 60 },
    );
  });

  test('has every place once among a billion and among more than 32 bits can count, as far as is seen', () => {
    for (const count of [1e9, 2 ** 33 + 7]) {
      const at = permutation(count, 7);
      const seen = new Set(Array.from({ length: 20_000 }, (_, i) => at(i)));
      expect(seen.size).toBe(20_000);
      expect([...seen].every((place) => place >= 0 && place < count && Number.isInteger(place))).toBe(true);
      const upperHalf = [...seen].filter((place) => place >= count / 2).length;
      expect(Math.abs(upperHalf / 20_000 - 0.5)).toBeLessThan(0.02);
    }
  });

  test('is the same on every machine', () => {
    expect(orderOf(10, 1)).toMatchInlineSnapshot(`
      [
        1,
        2,
        0,
        3,
        7,
        8,
        5,
        6,
        4,
        9,
      ]
    `);
    expect([0, 1, 2].map(permutation(1e9, 1111, 3))).toMatchInlineSnapshot(`
      [
        752948315,
        287440463,
        713889613,
      ]
    `);
  });

  test('differs by seed and by epoch', () => {
    expect(orderOf(100, 1)).not.toEqual(orderOf(100, 2));
    expect(orderOf(100, 1)).not.toEqual(orderOf(100, 1, 1));
    expect(orderOf(100, 1, 1)).not.toEqual(orderOf(100, 2, 0));
  });

  test('puts every row at every place about equally often', () => {
    const count = 6;
    const orders = 3000;
    const hits = Array.from({ length: count }, () => new Array<number>(count).fill(0));
    for (let seed = 0; seed < orders; seed++)
      for (const [place, row] of orderOf(count, seed).entries()) (hits[place] as number[])[row]!++;
    const wanted = orders / count;
    const chiSquare = hits.flat().reduce((sum, n) => sum + (n - wanted) ** 2 / wanted, 0);
    expect(chiSquare).toBeLessThan(60); // 25 degrees of freedom: above 52.6 once in a thousand
  });

  test('leaves neighbours apart', () => {
    const order = orderOf(1000, 3);
    const neighbours = order.filter((row, i) => i > 0 && Math.abs(row - (order[i - 1] as number)) === 1);
    expect(neighbours.length).toBeLessThan(12); // 2 are expected
  });
});
