/** The sampler keeps what transformers' logits processors keep: tests/golden/sampling.json, made by tools/reference/cases_sampling.py. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Sampler, type SamplingOptions } from '../../src/sampler/sampler.ts';

interface Case {
  readonly about: string;
  readonly logits: number[];
  readonly ids: number[];
  readonly options: SamplingOptions;
  readonly kept: number[];
  readonly probabilities: number[];
}

const { cases } = JSON.parse(readFileSync('tests/golden/sampling.json', 'utf8')) as { cases: Case[] };

describe('the distribution is that of transformers', () => {
  test.each(cases)('$about', ({ logits, ids, options, kept, probabilities }) => {
    // The reference was made with do_sample; here nothing but temperature 1 says so when there is no option.
    const sampler = new Sampler({ temperature: 1, ...options });
    for (const cut of [0, 1, ids.length]) {
      const history = { prompt: ids.slice(0, cut), generated: ids.slice(cut) };
      const all = [...sampler.distribution(Float32Array.from(logits), history)];
      expect(all.flatMap((p, id) => (p > 0 ? [id] : []))).toEqual(kept);
      for (const [i, id] of kept.entries()) expect(all[id]).toBeCloseTo(probabilities[i] as number, 6);
    }
  });
});
