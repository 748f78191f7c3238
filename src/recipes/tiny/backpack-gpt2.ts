/** A Backpack of 5M parameters by the recipe of backpack-gpt2. */
import { backpackGpt2, NO_DECAY } from '../backpack-gpt2.ts';
import { backpackRules } from '../backpack-rules.ts';
import type { Recipe } from '../recipe.ts';
import { TINY, tinySources } from './common.ts';

const LAYERS = 6;

const model = {
  ...backpackGpt2.model,
  bos_token_id: 1023,
  eos_token_id: 1023,
  n_embd: 192,
  n_head: 6,
  n_layer: LAYERS,
  num_senses: 8,
  vocab_size: 1032,
};

export const backpackTiny: Recipe = {
  name: 'backpack-gpt2-tiny',
  about: 'Backpack of 5M parameters with 8 senses, on texts of yours',
  card: backpackGpt2.card,
  model,
  config: {
    ...TINY,
    tokenizer: 'backpack-tiny',
    initialize: {
      config: model,
      rules: backpackRules({ residualStd: 0.02 / Math.sqrt(2 * LAYERS), positionStd: 0.02 }),
    },
    steps: 10_000,
    optimizer: {
      name: 'adamw',
      lr: 2e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0.1,
      decay: { except: NO_DECAY },
    },
    schedule: { name: 'linear', warmup: 200, warmupOffset: 0, floor: 0 },
  },
  sources: tinySources(
    'backpack-gpt2',
    ['initialize.rules', 'optimizer', 'schedule.name', 'clip'],
    ['initialize.config', 'steps', 'optimizer.lr', 'schedule'],
  ),
  conflicts: [],
  differences: ['Dropout is not done.'],
};
