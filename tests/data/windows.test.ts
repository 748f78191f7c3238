/** Where rows lie in a run of tokens, as the data loaders of the recipes cut them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TAILS, Windows } from '../../src/data/windows.ts';

const all = (ends: number[], shape: ConstructorParameters<typeof Windows>[1]) => {
  const windows = new Windows(ends, shape);
  return Array.from({ length: windows.count }, (_, i) => windows.at(i)).map(({ start, length }) => [
    start,
    start + length,
  ]);
};

describe('windows', () => {
  test('of 513 ids, 512 apart: each id is a target once (flash-attention, lm_dataset.py)', () => {
    expect(all([1025], { window: 513, stride: 512, tail: 'drop' })).toEqual([
      [0, 513],
      [512, 1025],
    ]);
    expect(all([1024], { window: 513, stride: 512, tail: 'drop' })).toEqual([[0, 513]]);
    expect(all([1030], { window: 513, stride: 512, tail: 'keep' })).toEqual([
      [0, 513],
      [512, 1025],
      [1024, 1030],
    ]);
  });

  test('side by side, in each file apart (OpenLM, tokenize_shuffle.py)', () => {
    expect(all([5, 12], { window: 3, stride: 3, tail: 'keep' })).toEqual([
      [0, 3],
      [3, 5],
      [5, 8],
      [8, 11],
    ]);
  });

  test('files without a window are passed over', () => {
    expect(all([0, 2, 2, 8, 9], { window: 3, stride: 2, tail: 'drop' })).toEqual([
      [2, 5],
      [4, 7],
    ]);
  });

  test('lie within their region, begin one stride apart, leave out only what the tail says, and have a target', () => {
    const shape = fc.record({
      window: fc.integer({ min: 2, max: 9 }),
      stride: fc.integer({ min: 1, max: 9 }),
      tail: fc.constantFrom(...TAILS),
    });
    fc.assert(
      fc.property(fc.array(fc.nat(30), { minLength: 1, maxLength: 5 }), shape, (lengths, { window, stride, tail }) => {
        let sum = 0;
        const ends = lengths.map((length) => (sum += length));
        const found = all(ends, { window, stride, tail });
        let start = 0;
        for (const end of ends) {
          const own = found.filter(([from]) => (from as number) >= start && (from as number) < end);
          own.forEach(([from, to], i) => {
            expect(from).toBe(start + i * stride);
            expect(to).toBe(Math.min(start + i * stride + window, end));
            expect((to as number) - (from as number)).toBeGreaterThanOrEqual(tail === 'drop' ? window : 2);
          });
          const next = start + own.length * stride; // where another would begin
          const reached = own.at(-1)?.[1] ?? start;
          if (tail === 'drop') expect(next + window).toBeGreaterThan(end);
          else if (reached < end) expect(end - next).toBeLessThan(2);
          start = end;
        }
        expect(found.length).toBe(new Windows(ends, { window, stride, tail }).count);
      }),
    );
  });
});
