/** Which sequences share a command. */
import { expect, test } from 'vitest';
import { runsOf } from '../../src/backends/wasm/packed.ts';

test('sequences side by side with equally many tokens share a command, and empty ones have none', () => {
  expect(runsOf([0, 1, 2, 3])).toEqual([{ first: 0, count: 3, row: 0, tokens: 1 }]);
  expect(runsOf([0, 5, 6, 7])).toEqual([
    { first: 0, count: 1, row: 0, tokens: 5 },
    { first: 1, count: 2, row: 5, tokens: 1 },
  ]);
  expect(runsOf([0, 1, 1, 2])).toEqual([
    { first: 0, count: 1, row: 0, tokens: 1 },
    { first: 2, count: 1, row: 1, tokens: 1 },
  ]);
  expect(runsOf([0, 0])).toEqual([]);
});
