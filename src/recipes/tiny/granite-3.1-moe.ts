/** A mixture of experts of 4M parameters by the recipe of granite-3.1-moe: muP, power schedule, decay, then a longer context. */
import { graniteMoe } from '../granite-3.1-moe.ts';
import { graniteOptimizer, graniteRules } from '../granite-rules.ts';
import type { Recipe } from '../recipe.ts';
import { TINY, tinySources } from './common.ts';

const LAYERS = 6;
const WIDTH = 2;
const LR = 0.01;

const model = {
  ...graniteMoe.model,
  attention_dropout: 0,
  attention_multiplier: 1 / 32,
  hidden_size: 192,
  intermediate_size: 128,
  logits_scaling: WIDTH,
  max_position_embeddings: 256,
  num_attention_heads: 6,
  num_experts_per_tok: 2,
  num_hidden_layers: LAYERS,
  num_key_value_heads: 2,
  num_local_experts: 8,
  vocab_size: 1024,
};

export const graniteTiny: Recipe = {
  name: 'granite-3.1-moe-tiny',
  about: 'Granite of 4M parameters with 8 experts, on texts of yours',
  card: graniteMoe.card,
  model,
  config: {
    ...TINY,
    tokenizer: 'granite-tiny',
    initialize: { config: model, rules: graniteRules({ width: WIDTH, layers: LAYERS }) },
    stages: [
      { steps: 7000 },
      { steps: 2500, lr: 0.006, schedule: { name: 'exponential', floor: 0.0006 } },
      {
        steps: 500,
        sequence: 512,
        batch: 8,
        lr: 0.0006,
        schedule: { name: 'exponential' },
        config: { rope_theta: 20_000, max_position_embeddings: 512 },
      },
    ],
    optimizer: graniteOptimizer({ width: WIDTH, lr: LR }),
    schedule: { name: 'power', warmup: 200, warmupOffset: 0, a: 4, b: -0.51 },
    balance: { name: 'dolomite', coefficient: 0.01, zLoss: 0.1 },
  },
  sources: tinySources(
    'granite-3.1-moe',
    ['initialize.rules', 'optimizer', 'schedule', 'balance', 'clip'],
    ['initialize.config', 'stages', 'optimizer.lr', 'schedule.warmup'],
  ),
  conflicts: [],
  differences: [],
};
