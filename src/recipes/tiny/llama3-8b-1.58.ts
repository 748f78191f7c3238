/** A Llama of 6M parameters to 1.58 bit: from nothing, with the growing lambda of llama3-8b-1.58. */
import { llama3Ternary } from '../llama3-8b-1.58.ts';
import type { Recipe } from '../recipe.ts';
import { TINY, tinySources } from './common.ts';

const LAYERS = 8;

const model = {
  ...llama3Ternary.model,
  bos_token_id: 1022,
  eos_token_id: 1023,
  hidden_size: 256,
  intermediate_size: 640,
  max_position_embeddings: 512,
  num_attention_heads: 8,
  num_hidden_layers: LAYERS,
  num_key_value_heads: 4,
  vocab_size: 1024,
};

export const llamaTiny: Recipe = {
  name: 'llama3-8b-1.58-tiny',
  about: 'Llama of 6M parameters to 1.58 bit, on texts of yours',
  card: llama3Ternary.card,
  model,
  config: {
    ...TINY,
    tokenizer: 'bitnet-tiny',
    initialize: {
      config: model,
      rules: [
        { tensors: ['*norm.weight'], values: 'constant', value: 1 },
        { tensors: ['*.o_proj.weight', '*.down_proj.weight'], values: 'normal', std: 0.025 / Math.sqrt(2 * LAYERS) },
        { tensors: ['*'], values: 'normal', std: 0.025 },
      ],
    },
    steps: 10_000,
    lambda: { name: 'linear', steps: 1000 },
    optimizer: { name: 'adamw', lr: 2e-3, betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.01, decay: 'all' },
    schedule: { name: 'cosine', warmup: 200, floor: 2e-4 },
  },
  sources: [
    {
      keys: ['initialize.rules'],
      certainty: 'published',
      source:
        'huggingface/nanotron: 0.025, and 0.025 / sqrt(2 * layers) for the matrices that write to the residual stream',
    },
    ...tinySources(
      'llama3-8b-1.58',
      ['lambda', 'optimizer', 'schedule.name', 'clip'],
      ['initialize.config', 'steps', 'optimizer.lr', 'schedule'],
    ),
  ],
  conflicts: [],
  differences: [
    'The authors began with a trained model; this one begins with nothing, dense, and becomes ternary in 1,000 steps.',
  ],
};
