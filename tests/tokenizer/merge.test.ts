/** The merge loop does what the definition says: again and again, the leftmost of the pairs of the lowest rank. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Merges } from '../../src/tokenizer/merge.ts';

type Rule = readonly [left: number, right: number, joined: number];

function byDefinition(rules: readonly Rule[], symbols: readonly number[]): number[] {
  const left = [...symbols];
  for (;;) {
    const ranks = left.slice(1).map((right, i) => rules.findLastIndex(([a, b]) => a === left[i] && b === right));
    const best = Math.min(...ranks.filter((rank) => rank >= 0));
    if (best === Number.POSITIVE_INFINITY) return left;
    left.splice(ranks.indexOf(best), 2, (rules[best] as Rule)[2]);
  }
}

const id = fc.nat(7);
const rules = fc.array(fc.tuple(id, id, id), { maxLength: 20 });

test('equal to the definition, whatever the rules', () => {
  fc.assert(
    fc.property(rules, fc.array(id, { maxLength: 40 }), (some, symbols) => {
      const merges = new Merges();
      for (const rule of some) merges.add(...rule);
      expect(merges.apply([...symbols])).toEqual(byDefinition(some, symbols));
    }),
    { numRuns: 2000 },
  );
});

test('ids up to 2^24 are told apart', () => {
  const most = 2 ** 24 - 1;
  const merges = new Merges();
  merges.add(most, most - 1, 5);
  expect(merges.apply([most, most - 1, most - 1, most])).toEqual([5, most - 1, most]);
});

test('a word of a million symbols takes seconds', () => {
  const merges = new Merges();
  for (let n = 0; n < 18; n++) merges.add(n, n, n + 1);
  expect(merges.apply(new Array(2 ** 20).fill(0))).toEqual([18, 18, 18, 18]);
});
