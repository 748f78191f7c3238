/** A Backpack of 5M parameters by the recipe of levanter-backpack-1b: many senses, whose mean counts. */
import { backpackRules } from '../backpack-rules.ts';
import { levanterBackpack } from '../levanter-backpack-1b.ts';
import type { Recipe } from '../recipe.ts';
import { TINY, tinySources } from './common.ts';

const model = {
  ...levanterBackpack.model,
  bos_token_id: 1023,
  eos_token_id: 1023,
  n_embd: 160,
  n_head: 5,
  n_layer: 6,
  num_senses: 12,
  sense_intermediate_scale: 4,
  vocab_size: 1032,
};

export const levanterTiny: Recipe = {
  name: 'levanter-backpack-1b-tiny',
  about: 'Backpack of 4M parameters with 12 senses, by the recipe of Levanter, on texts of yours',
  card: levanterBackpack.card,
  model,
  config: {
    ...TINY,
    tokenizer: 'backpack-tiny',
    initialize: { config: model, rules: backpackRules({ residualStd: 0.02, positionStd: 0.01 }) },
    data: { ...TINY.data, window: 256, stride: 256, ends: ' {eos}' },
    steps: 10_000,
    optimizer: { name: 'adamw', lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.1, decay: 'all' },
    schedule: { name: 'cosine', warmup: 200, warmupOffset: 0, floor: 0 },
  },
  sources: tinySources(
    'levanter-backpack-1b',
    ['initialize.rules', 'optimizer', 'schedule.name', 'clip', 'data.ends'],
    ['initialize.config', 'steps', 'optimizer.lr', 'schedule'],
  ),
  conflicts: [],
  differences: [],
};
