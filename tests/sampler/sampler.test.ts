/** Laws of the sampler: greedy choice, draws in proportion to the distribution, seeds, penalties, errors. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckpointError, UsageError } from '../../src/base/errors.ts';
import { checkSamplingOptions, Sampler, type SamplingOptions } from '../../src/sampler/sampler.ts';

const NOTHING = { prompt: [], generated: [] };
const SLOPE = Float32Array.from([2, 1.5, 1, 0.5, 0, -0.5, -1, -1.5, -2, 3]);

const draws = (sampler: Sampler, count: number, logits = SLOPE) =>
  Array.from({ length: count }, () => sampler.next(logits, NOTHING));

/** The same options by a full sort, in the words of the definition. */
function bySorting(
  logits: Float32Array,
  { temperature = 1, topK = 0, topP = 1, minP = 0 }: SamplingOptions,
): Map<number, number> {
  const order = [...logits.keys()].sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
  const kth =
    topK > 0 && topK < logits.length ? (logits[order[topK - 1] as number] as number) : Number.NEGATIVE_INFINITY;
  const best = logits[order[0] as number] as number;
  let kept = order
    .filter((id) => (logits[id] as number) >= kth)
    .map((id) => ({ id, weight: Math.exp(((logits[id] as number) - best) / temperature) }));
  const total = kept.reduce((sum, { weight }) => sum + weight, 0);
  let before = 0;
  kept = kept.filter(({ weight }, rank) => {
    const stays = rank === 0 || topP === 1 || before < topP * total;
    before += weight;
    return stays;
  });
  kept = kept.filter(({ weight }) => weight >= minP);
  const left = kept.reduce((sum, { weight }) => sum + weight, 0);
  return new Map(kept.map(({ id, weight }) => [id, weight / left]));
}

// Few distinct values: ties everywhere. Exact in f32.
const tiedLogits = fc
  .array(fc.integer({ min: -12, max: 12 }), { minLength: 1, maxLength: 60 })
  .map((values) => Float32Array.from(values, (value) => value / 4));
const narrowing = fc.record(
  {
    temperature: fc.double({ min: 0.05, max: 5, noNaN: true }),
    topK: fc.integer({ min: 0, max: 70 }),
    topP: fc.double({ min: 0, max: 1, noNaN: true }),
    minP: fc.double({ min: 0, max: 1, noNaN: true }),
  },
  { requiredKeys: ['temperature'] },
);

describe('the distribution', () => {
  test('without a full sort equals the one with a full sort', () => {
    fc.assert(
      fc.property(tiedLogits, narrowing, (logits, options) => {
        const wanted = bySorting(logits, options);
        const got = new Sampler(options).distribution(logits, NOTHING);
        for (const [id, p] of got.entries()) expect(Math.abs(p - (wanted.get(id) ?? 0))).toBeLessThan(1e-6);
      }),
      { numRuns: 500 },
    );
  });

  test('sums to one and never leaves out the likeliest token', () => {
    const any = fc.array(fc.integer({ min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(any, narrowing, (values, options) => {
        const logits = Float32Array.from(values);
        const p = new Sampler(options).distribution(logits, NOTHING);
        expect(Math.abs(p.reduce((sum, x) => sum + x, 0) - 1)).toBeLessThan(1e-5);
        expect(p[logits.indexOf(Math.max(...logits))]).toBeGreaterThan(0);
      }),
    );
  });

  test('is where draws come from: chi-square of 40000 draws', () => {
    for (const options of [{ temperature: 0.8 }, { topK: 6, topP: 0.95 }, { temperature: 2, minP: 0.2 }]) {
      const sampler = new Sampler({ ...options, seed: 7 });
      const expected = sampler.distribution(SLOPE, NOTHING);
      const counts = new Array<number>(SLOPE.length).fill(0);
      for (const id of draws(sampler, 40_000)) counts[id] = (counts[id] as number) + 1;
      let chiSquare = 0;
      let cells = 0;
      for (const [id, p] of expected.entries()) {
        if (p === 0) expect(counts[id]).toBe(0);
        else {
          chiSquare += ((counts[id] as number) - 40_000 * p) ** 2 / (40_000 * p);
          cells++;
        }
      }
      // Mean cells - 1, deviation sqrt(2 (cells - 1)): four of them above.
      expect(chiSquare).toBeLessThan(cells - 1 + 4 * Math.sqrt(2 * (cells - 1)));
    }
  });

  test('of a greedy sampler is all on one token', () => {
    expect([...new Sampler().distribution(SLOPE, NOTHING)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  });
});

describe('greedy', () => {
  const isGreedy = (options: SamplingOptions) => new Set(draws(new Sampler(options), 200)).size === 1;

  test('unless a temperature above 0, or topK, topP or minP without a temperature, is given', () => {
    for (const options of [
      {},
      { seed: 3 },
      { temperature: 0 },
      { temperature: 0, topK: 5 },
      { repetitionPenalty: 1.2 },
    ])
      expect(isGreedy(options)).toBe(true);
    for (const options of [{ temperature: 1 }, { topK: 5 }, { topP: 0.9 }, { minP: 0.01 }, { topK: 5, seed: 3 }])
      expect(isGreedy(options)).toBe(false);
  });

  test('takes the lowest id of several best', () => {
    expect(new Sampler().next(Float32Array.from([1, 5, 5, 2, 5]), NOTHING)).toBe(1);
  });

  test('is what ever lower temperatures come to', () => {
    for (const temperature of [1e-3, 1e-30, Number.MIN_VALUE])
      expect(new Set(draws(new Sampler({ temperature }), 20))).toEqual(new Set([9]));
  });

  test('feels penalties and bias', () => {
    const history = { prompt: [9, 9], generated: [0] };
    expect(new Sampler({ repetitionPenalty: 1.1 }).next(SLOPE, history)).toBe(9);
    expect(new Sampler({ repetitionPenalty: 4 }).next(SLOPE, history)).toBe(1);
    expect(new Sampler({ presencePenalty: 2 }).next(SLOPE, history)).toBe(9);
    expect(new Sampler({ logitBias: { 4: 10 } }).next(SLOPE, history)).toBe(4);
    expect(new Sampler({ logitBias: new Map([[9, Number.NEGATIVE_INFINITY]]) }).next(SLOPE, history)).toBe(0);
  });
});

describe('seeds', () => {
  test('same seed, same draws; other seed, others', () => {
    const of = (seed: number) => draws(new Sampler({ temperature: 1.5, seed }), 50);
    expect(of(11)).toEqual(of(11));
    expect(of(11)).not.toEqual(of(12));
    expect(of(2 ** 53 - 1)).not.toEqual(of(0));
  });

  test('without a seed no two samplers draw alike', () => {
    const sampler = new Sampler({ temperature: 1.5 });
    expect(draws(sampler, 50)).not.toEqual(draws(sampler.clone(), 50));
  });

  test('a clone begins where its original began, and neither disturbs the other', () => {
    const sampler = new Sampler({ temperature: 1.5, seed: 5 });
    const all = draws(sampler.clone(), 20);
    const first = draws(sampler, 10);
    const clone = sampler.clone();
    const mixed = Array.from({ length: 10 }, () => [sampler.next(SLOPE, NOTHING), clone.next(SLOPE, NOTHING)] as const);
    expect([...first, ...mixed.map(([original]) => original)]).toEqual(all);
    expect(mixed.map(([, cloned]) => cloned)).toEqual(all.slice(0, 10));
  });

  test('one number is used up per token, whatever the logits, and none by distribution', () => {
    const [a, b] = [new Sampler({ temperature: 1, seed: 5 }), new Sampler({ temperature: 1, seed: 5 })];
    draws(a, 7);
    draws(b, 7, Float32Array.from([0]));
    b.distribution(SLOPE, NOTHING);
    expect(draws(b, 20)).toEqual(draws(a, 20));
  });
});

describe('penalties', () => {
  const logits = Float32Array.from([0, 0, 0, 0]);
  const ratios = (options: SamplingOptions, prompt: number[], generated: number[]) => {
    const p = new Sampler({ temperature: 1, ...options }).distribution(logits, { prompt, generated });
    return [...p].map((x) => Math.log(x / (p[3] as number)));
  };

  test('presence counts once, frequency each time, and the prompt not at all', () => {
    const [a, b, c] = ratios({ presencePenalty: 0.5, frequencyPenalty: 0.25 }, [2, 2, 2], [0, 0, 1]);
    expect(a).toBeCloseTo(-1, 5);
    expect(b).toBeCloseTo(-0.75, 5);
    expect(c).toBeCloseTo(0, 5);
  });

  test('bias comes first, so that the repetition penalty scales it too', () => {
    const [a, b] = ratios({ logitBias: { 0: 3, 1: -3 }, repetitionPenalty: 2 }, [0, 1], []);
    expect(a).toBeCloseTo(1.5, 5);
    expect(b).toBeCloseTo(-6, 5);
  });

  test('what one call counted does not reach the next', () => {
    const sampler = new Sampler({ temperature: 1, frequencyPenalty: 1, repetitionPenalty: 1.3 });
    const before = sampler.distribution(SLOPE, NOTHING);
    sampler.distribution(SLOPE, { prompt: [1, 1, 2], generated: [2, 9] });
    expect(sampler.distribution(SLOPE, NOTHING)).toEqual(before);
  });

  test('logits stay as they are', () => {
    const mine = SLOPE.slice();
    new Sampler({ topK: 2, topP: 0.5, repetitionPenalty: 2, logitBias: { 1: 1 } }).next(mine, {
      prompt: [9],
      generated: [0],
    });
    expect(mine).toEqual(SLOPE);
  });
});

describe('errors', () => {
  const refused = (options: unknown) => {
    try {
      checkSamplingOptions(options as SamplingOptions);
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      return (error as Error).message;
    }
    return undefined;
  };

  test('an unknown option is named, and so are the known ones', () => {
    expect(refused({ topk: 5 })).toMatch(/'topk'.*temperature, topK, topP, minP/);
  });

  test('values out of range are named with what was wanted', () => {
    expect(refused({ temperature: Number.NaN })).toMatch(/temperature came as NaN, wanted/);
    expect(refused({ temperature: '0.5' })).toMatch(/temperature came as "0.5", wanted/);
    for (const options of [
      { temperature: -1 },
      { temperature: Number.POSITIVE_INFINITY },
      { temperature: null },
      { temperature: { toString: 0 } },
      { topK: 1n },
      { topP: Symbol('x') },
      { topK: 1.5 },
      { topK: -1 },
      { topP: 1.1 },
      { minP: -0.1 },
      { repetitionPenalty: 0 },
      { presencePenalty: Number.NaN },
      { frequencyPenalty: Number.NEGATIVE_INFINITY },
      { seed: -1 },
      { seed: 2 ** 53 },
      { logitBias: [1, 2] },
      { logitBias: null },
      { logitBias: { one: 1 } },
      { logitBias: { 1: Number.NaN } },
      { logitBias: new Map([[1, Number.POSITIVE_INFINITY]]) },
      { logitBias: new Map([[-1, 1]]) },
    ])
      expect(refused(options)).toMatch(/wanted/);
  });

  test('what is absent, or undefined, is allowed', () => {
    for (const options of [{}, { temperature: undefined, logitBias: undefined }, { logitBias: { '50256': -100 } }])
      expect(refused(options)).toBeUndefined();
  });

  test('nothing but a UsageError comes out of any options', () => {
    const keys = fc.constantFrom('temperature', 'topK', 'topP', 'minP', 'repetitionPenalty', 'seed', 'logitBias', 'x');
    fc.assert(
      fc.property(fc.dictionary(keys, fc.anything()), (options) => {
        if (refused(options) === undefined) expect(new Sampler(options as SamplingOptions)).toBeDefined();
      }),
    );
  });

  test('logits that are no logits are refused by greedy and by sampling alike', () => {
    const { NEGATIVE_INFINITY: low, POSITIVE_INFINITY: high, NaN: nan } = Number;
    for (const sampler of [new Sampler(), new Sampler({ temperature: 1, topK: 2 })]) {
      for (const logits of [[0, nan, 1], [nan], [low, low], [0, high], []])
        expect(() => sampler.next(Float32Array.from(logits), NOTHING)).toThrow(CheckpointError);
      expect(sampler.next(Float32Array.from([low, 0, low]), NOTHING)).toBe(1);
    }
  });

  test('a bias beyond the vocabulary, or on all of it, is the caller’s mistake', () => {
    expect(() => new Sampler({ logitBias: { 10: 1 } }).next(SLOPE, NOTHING)).toThrow(/this model has ids 0 to 9/);
    const none = new Map(Array.from(SLOPE, (_, id) => [id, Number.NEGATIVE_INFINITY]));
    expect(() => new Sampler({ logitBias: none }).next(SLOPE, NOTHING)).toThrow(UsageError);
  });
});
