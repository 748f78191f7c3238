/** Backpack of 1.4B parameters, trained with Levanter (stanford-crfm/levanter at 90022134; pull request 172 for the configuration). */
import { backpackRules } from './backpack-rules.ts';
import { TPU_V3_CORE } from './hardware.ts';
import type { Recipe } from './recipe.ts';

const LEVANTER = 'stanford-crfm/levanter 90022134';

const model = {
  architectures: 'BackpackGPT2LMHeadModel',
  model_type: 'backpack-gpt2',
  activation_function: 'gelu_new',
  attn_pdrop: 0,
  embd_pdrop: 0,
  resid_pdrop: 0,
  initializer_range: 0.02,
  layer_norm_epsilon: 1e-5,
  n_embd: 1280,
  n_head: 20,
  n_layer: 36,
  n_positions: 512,
  num_senses: 48,
  sense_intermediate_scale: 7,
  scale_attn_by_inverse_layer_idx: true,
  vocab_size: 50264,
  bos_token_id: 50256,
  eos_token_id: 50256,
};

export const levanterBackpack: Recipe = {
  name: 'levanter-backpack-1b',
  about: 'Backpack of 1.4B parameters with 48 senses, 236 billion tokens of OpenWebText',
  card: 'stanford-crfm/levanter-backpack-1b',
  model,
  config: {
    tokenizer: 'openai-community/gpt2',
    initialize: { config: model, rules: backpackRules({ residualStd: 0.02, positionStd: 0.01 }) },
    data: { files: ['openwebtext'], sequence: 512, window: 512, stride: 512, ends: ' {eos}' },
    batch: 4,
    accumulate: 256,
    steps: 450_000,
    optimizer: { name: 'adamw', lr: 1e-4, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.1, decay: 'all' },
    schedule: { name: 'cosine', warmup: 5000, warmupOffset: 0, floor: 0 },
    clip: 1,
    compute: 'bf16',
    recompute: true,
    seed: 0,
    evaluate: { every: 1000 },
    checkpoint: { every: 1000 },
  },
  sources: [
    {
      keys: ['initialize.config'],
      certainty: 'derived',
      source:
        "configurations of Levanter's pull request 172 and its exporter; they give the 1.42B parameters of the card",
    },
    {
      keys: ['initialize.rules'],
      certainty: 'published',
      source: `${LEVANTER}, models/backpack.py and haliax nn/linear.py: 0.02, position embeddings 0.01, no scaling by depth`,
    },
    {
      keys: ['tokenizer', 'data'],
      certainty: 'published',
      source: `${LEVANTER}, data/text.py: a space and the end-of-text after each document, blocks of 512, the last position without a target`,
    },
    {
      keys: ['batch', 'accumulate'],
      certainty: 'derived',
      source: '1024 sequences a step in the configuration 48-36-20-1280-7; their division is a matter of memory',
    },
    { keys: ['steps', 'optimizer.lr', 'schedule.warmup'], certainty: 'published', source: 'the model card' },
    {
      keys: ['optimizer', 'schedule', 'clip', 'seed'],
      certainty: 'default',
      source: `${LEVANTER}, trainer.py: defaults of OptimizerConfig; optax adamw without a mask`,
    },
    {
      keys: ['compute', 'recompute'],
      certainty: 'published',
      source: `${LEVANTER}: parameters f32, computing in bf16, gradient checkpointing`,
    },
    { keys: ['evaluate', 'checkpoint'], certainty: 'chosen', source: 'of no effect on the model' },
  ],
  conflicts: [
    'Peak rate: 1e-4 on the card, 2e-4 in earlier experiments of the pull request. Taken: 1e-4.',
    "Warm-up: 5,000 steps on the card, Levanter's default would be 0.01 of the steps. Taken: 5,000.",
    "Batch: 1024 in the experiment's configuration, Levanter's default is 512. Taken: 1024, which fits time and hardware of the card.",
  ],
  differences: [],
  hardware: { ...TPU_V3_CORE, count: 128, deviceHours: 128 * 8.6 * 24 },
};
