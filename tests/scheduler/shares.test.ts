/** How the tokens of a step are divided. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stepShares } from '../../src/scheduler/shares.ts';

const claims = fc
  .array(fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 500 })), { minLength: 1, maxLength: 40 })
  .chain((left) =>
    fc
      .shuffledSubarray([...left.keys()], { minLength: left.length })
      .map((arrivals) => left.map((n, i) => ({ left: n, arrival: arrivals[i] as number }))),
  );
const budgets = fc.record({
  stepTokens: fc.integer({ min: 40, max: 300 }),
  promptTokens: fc.integer({ min: 1, max: 300 }),
});

it('a step keeps to its budget; who decodes gets a token; the first prompt gets half; no room is left while somebody wants it', () => {
  fc.assert(
    fc.property(claims, budgets, (some, budget) => {
      const shares = stepShares(some, budget);
      const sum = shares.reduce((total, share) => total + share, 0);
      const decoding = some.filter(({ left }) => left === 1).length;
      expect(sum).toBeLessThanOrEqual(budget.stepTokens);
      for (const [i, { left }] of some.entries()) {
        expect(shares[i]).toBeGreaterThanOrEqual(left === 1 ? 1 : 0);
        expect(shares[i]).toBeLessThanOrEqual(left);
      }
      const prompts = some.map((claim, i) => ({ ...claim, share: shares[i] as number })).filter(({ left }) => left > 1);
      if (prompts.length === 0) return;
      const room = Math.max(
        1,
        decoding > 0 ? Math.min(budget.promptTokens, budget.stepTokens - decoding) : budget.stepTokens,
      );
      const wanted = prompts.reduce((total, { left }) => total + left, 0);
      expect(sum - decoding).toBe(Math.min(room, wanted));
      const first = prompts.reduce((a, b) => (a.arrival < b.arrival ? a : b));
      expect(first.share).toBeGreaterThanOrEqual(Math.min(first.left, Math.ceil(room / 2)));
      const fair = Math.floor(Math.floor(room / 2) / prompts.length);
      for (const { left, share } of prompts) expect(share).toBeGreaterThanOrEqual(Math.min(left, fair));
    }),
  );
});
