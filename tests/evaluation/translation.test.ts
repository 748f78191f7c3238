/** BLEU, chrF, chrF++ and TER are those of sacrebleu (tools/reference/make_translation.py). */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { AGGREGATIONS } from '../../src/evaluation/metrics/aggregations.ts';

interface Golden {
  readonly pairs: readonly (readonly [string, string])[];
  readonly [metric: string]: unknown;
}

const goldens = JSON.parse(
  readFileSync(new URL('../golden/evaluation/translation.json', import.meta.url), 'utf8'),
) as Golden[];

it.each(['bleu', 'chrf', 'chrf++', 'ter'])('%s', (metric) => {
  for (const golden of goldens) {
    const own = AGGREGATIONS[metric]?.of(golden.pairs) as number;
    const wanted = golden[metric] as number;
    expect(own, JSON.stringify(golden.pairs)).toBe(wanted);
  }
});
