/** What the recipes for small models share: they fit two cores and are trained on texts from a folder of the user. */
import type { SourceOfKeys } from '../recipe.ts';

/** Rows of 256 tokens, 16 of them a step: 4096 tokens. */
export const TINY = {
  data: { files: ['texts'], sequence: 256, ends: '{eos}', validation: 0.02 },
  batch: 16,
  accumulate: 1,
  clip: 1,
  seed: 1,
  evaluate: { every: 500, batches: 32 },
  checkpoint: { every: 500 },
  samples: { every: 1000, prompts: ['Once upon a time'], maxNewTokens: 60 },
} as const;

const KEYS = ['data', 'batch', 'accumulate', 'seed', 'evaluate', 'checkpoint', 'samples', 'tokenizer'];

/** Sources of a small recipe. `same`: the keys that are those of the large one. */
export const tinySources = (large: string, same: readonly string[], chosen: readonly string[]): SourceOfKeys[] => [
  { keys: same, certainty: 'derived', source: `as in ${large}, by the same formulas` },
  { keys: [...KEYS, ...chosen], certainty: 'chosen', source: 'for a small model on an ordinary computer' },
];
