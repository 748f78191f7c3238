/** A Mamba of 2M parameters by the recipe of mamba-7b-rw. */
import { mamba7b } from '../mamba-7b-rw.ts';
import { mambaRules } from '../mamba-rules.ts';
import type { Recipe } from '../recipe.ts';
import { TINY, tinySources } from './common.ts';

const LAYERS = 8;
const RANK = 12;

const model = {
  ...mamba7b.model,
  hidden_size: 192,
  intermediate_size: 384,
  num_hidden_layers: LAYERS,
  time_step_rank: RANK,
  vocab_size: 1032,
};

export const mambaTiny: Recipe = {
  name: 'mamba-7b-rw-tiny',
  about: 'Mamba of 2M parameters, on texts of yours',
  card: mamba7b.card,
  model,
  config: {
    ...TINY,
    tokenizer: 'mamba-tiny',
    initialize: { config: model, rules: mambaRules({ rank: RANK, convolution: 4, layers: LAYERS }) },
    data: { ...TINY.data, window: 257, stride: 257, addSpecialTokens: false },
    steps: 10_000,
    optimizer: { name: 'adamw', lr: 3e-3, betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.1, decay: 'all' },
    schedule: { name: 'cosine', warmup: 200, warmupOffset: 1, floor: 1e-4 },
    zLoss: 1e-4,
  },
  sources: tinySources(
    'mamba-7b-rw',
    ['initialize.rules', 'optimizer', 'schedule.name', 'clip', 'zLoss'],
    ['initialize.config', 'steps', 'optimizer.lr', 'schedule'],
  ),
  conflicts: [],
  differences: [],
};
