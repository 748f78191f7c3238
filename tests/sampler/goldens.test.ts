/** The sampler keeps what transformers' logits processors keep: tests/golden/sampling.json, made by tools/reference/cases_sampling.py. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Sampler, type SamplingOptions } from '../../src/sampler/sampler.ts';

interface Case {
  readonly about: string;
  readonly logits: number[];
  readonly ids: number[];
  /** How many of the ids are the prompt; not given where that makes no difference. */
  readonly prompt?: number;
  readonly options: SamplingOptions;
  readonly kept: number[];
  readonly probabilities: number[];
}

/** As in the reference: what ends a text, and how many tokens it has at most. */
const ENDS = new Set([9, 2]);
const LIMIT = 3;

const { cases } = JSON.parse(readFileSync('tests/golden/sampling.json', 'utf8')) as { cases: Case[] };

describe('the distribution is that of transformers', () => {
  test.each(cases)('$about', ({ logits, ids, prompt, options, kept, probabilities }) => {
    // The reference was made with do_sample; here nothing but temperature 1 says so when there is no option.
    const sampler = new Sampler({ temperature: 1, ...options }, ENDS);
    for (const cut of prompt === undefined ? [0, 1, ids.length] : [prompt]) {
      const history = { prompt: ids.slice(0, cut), generated: ids.slice(cut), limit: LIMIT };
      const all = [...sampler.distribution(Float32Array.from(logits), history)];
      expect(all.flatMap((p, id) => (p > 0 ? [id] : []))).toEqual(kept);
      for (const [i, id] of kept.entries()) expect(all[id]).toBeCloseTo(probabilities[i] as number, 6);
    }
  });
});
