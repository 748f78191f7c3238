/** Backpack of 170M parameters (arXiv 2305.16765): john-hewitt/backpacks-flash-attn, configs experiment/owt/backpack-small-flash.yaml and base.yaml. */
import { backpackRules } from './backpack-rules.ts';
import { A100_40GB } from './hardware.ts';
import type { Recipe } from './recipe.ts';

const CODE = 'john-hewitt/backpacks-flash-attn, training/configs';

const model = {
  architectures: ['BackpackGPT2LMHeadModel'],
  model_type: 'gpt2',
  activation_function: 'gelu_new',
  attn_pdrop: 0.1,
  embd_pdrop: 0.1,
  resid_pdrop: 0.1,
  bos_token_id: 50256,
  eos_token_id: 50256,
  initializer_range: 0.02,
  layer_norm_epsilon: 1e-5,
  n_embd: 768,
  n_head: 12,
  n_inner: null,
  n_layer: 12,
  n_positions: 512,
  num_senses: 16,
  sense_intermediate_scale: 4,
  reorder_and_upcast_attn: false,
  scale_attn_by_inverse_layer_idx: true,
  scale_attn_weights: true,
  use_cache: true,
  vocab_size: 50264,
};

/** None on biases, norms and embeddings; the tied head counts as an embedding (src/optim/param_grouping.py). */
export const NO_DECAY = ['*.bias', '*.ln_*.weight', '*.ln.weight', '*.wte.weight', '*.wpe.weight'];

export const backpackGpt2: Recipe = {
  name: 'backpack-gpt2',
  about: 'Backpack of 170M parameters, 52 billion tokens of OpenWebText',
  card: 'stanfordnlp/backpack-gpt2',
  model,
  config: {
    tokenizer: 'openai-community/gpt2',
    initialize: { config: model, rules: backpackRules({ residualStd: 0.02 / Math.sqrt(2 * 12), positionStd: 0.02 }) },
    data: {
      files: ['openwebtext'],
      sequence: 512,
      ends: '{eos}',
      validation: 0.0005,
      validationBy: 'documents',
      seed: 2357,
    },
    batch: 8,
    accumulate: 128,
    steps: 100_000,
    optimizer: {
      name: 'adamw',
      lr: 6e-4,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0.1,
      decay: { except: NO_DECAY },
    },
    schedule: { name: 'linear', warmup: 5000, warmupOffset: 0, floor: 0 },
    clip: 1,
    seed: 1111,
    evaluate: { every: 1000 },
    checkpoint: { every: 1000 },
  },
  sources: [
    { keys: ['initialize.config'], certainty: 'published', source: 'config.json of stanfordnlp/backpack-gpt2' },
    {
      keys: ['initialize.rules'],
      certainty: 'published',
      source:
        'john-hewitt/backpacks-flash-attn, _init_weights: 0.02; output projections of attention and MLPs 0.02 / sqrt(2 * 12)',
    },
    {
      keys: ['tokenizer', 'data'],
      certainty: 'published',
      source: `${CODE}/datamodule/openwebtext.yaml; paper, section 4.1`,
    },
    {
      keys: ['batch', 'accumulate'],
      certainty: 'derived',
      source: `${CODE}: 1024 sequences a step; their division is a matter of memory`,
    },
    { keys: ['steps', 'clip', 'seed'], certainty: 'published', source: `${CODE}/experiment/owt/base.yaml` },
    {
      keys: ['optimizer.name', 'optimizer.lr', 'optimizer.weightDecay', 'optimizer.decay'],
      certainty: 'published',
      source: `${CODE}/optimizer/adamw-apex.yaml, experiment/owt/base.yaml; src/optim/param_grouping.py`,
    },
    { keys: ['optimizer.betas', 'optimizer.eps'], certainty: 'default', source: "defaults of apex' FusedAdam" },
    { keys: ['schedule'], certainty: 'published', source: 'paper, section 4.2: linear warm-up, then linear to 0' },
    { keys: ['evaluate', 'checkpoint'], certainty: 'chosen', source: 'of no effect on the model' },
  ],
  conflicts: [
    'Warm-up: 5,000 steps in the paper and on the card, 0.01 of 100,000 steps in the configuration. Taken: 5,000.',
  ],
  differences: [
    'Dropout of 0.1 on embeddings, attention and both branches is not done.',
    'Mixed precision in fp16 with loss scaling: here f32.',
  ],
  hardware: { ...A100_40GB, count: 4, deviceHours: 4 * 4 * 24 },
};
