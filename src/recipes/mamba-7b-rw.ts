/** Mamba of 7B parameters (TRI; arXiv 2405.06640), trained with OpenLM: mlfoundations/open_lm 9bb92ef, TRI-ML/linear_open_lm aa3c042. */
import { H100_80GB } from './hardware.ts';
import { mambaRules } from './mamba-rules.ts';
import type { Recipe } from './recipe.ts';

const OPENLM = 'mlfoundations/open_lm 9bb92ef';

const model = {
  architectures: ['MambaForCausalLM'],
  model_type: 'mamba',
  bos_token_id: 0,
  eos_token_id: 0,
  pad_token_id: 0,
  conv_kernel: 4,
  expand: 2,
  hidden_act: 'silu',
  hidden_size: 4096,
  intermediate_size: 8192,
  initializer_range: 0.1,
  layer_norm_epsilon: 1e-5,
  num_hidden_layers: 64,
  rescale_prenorm_residual: false,
  residual_in_fp32: true,
  state_size: 16,
  time_step_floor: 1e-4,
  time_step_init_scheme: 'random',
  time_step_max: 0.1,
  time_step_min: 0.001,
  time_step_rank: 256,
  time_step_scale: 1,
  tie_word_embeddings: true,
  use_bias: false,
  use_conv_bias: true,
  vocab_size: 50432,
};

export const mamba7b: Recipe = {
  name: 'mamba-7b-rw',
  about: 'Mamba of 7B parameters, 1.2 trillion tokens of RefinedWeb (two epochs)',
  card: 'TRI-ML/mamba-7b-rw',
  model,
  config: {
    tokenizer: 'EleutherAI/gpt-neox-20b',
    initialize: { config: model, rules: mambaRules({ rank: 256, convolution: 4, layers: 64 }) },
    data: {
      files: ['refinedweb'],
      sequence: 2048,
      window: 2049,
      stride: 2049,
      tail: 'pad',
      join: 'file',
      addSpecialTokens: false,
      ends: '{eos}',
      seed: 42,
    },
    batch: 1,
    accumulate: 1024,
    steps: 572_205,
    optimizer: { name: 'adamw', lr: 3e-4, betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.1, decay: 'all' },
    schedule: { name: 'cosine', warmup: 2000, warmupOffset: 1, floor: 1e-5 },
    clip: 1,
    zLoss: 1e-4,
    compute: 'bf16',
    recompute: true,
    seed: 0,
    evaluate: { every: 1000 },
    checkpoint: { every: 1000 },
  },
  sources: [
    { keys: ['initialize.config'], certainty: 'published', source: 'config.json of TRI-ML/mamba-7b-rw' },
    {
      keys: ['initialize.rules'],
      certainty: 'published',
      source:
        'state-spaces/mamba e9594ce, modules/mamba_simple.py and models/mixer_seq_simple.py; its default scales out_proj by 1 / sqrt(64)',
    },
    { keys: ['tokenizer', 'data.files', 'data.sequence'], certainty: 'published', source: 'the model card' },
    {
      keys: ['data'],
      certainty: 'published',
      source: `${OPENLM}, datapreprocess/ray/tokenize_shuffle.py: chunks of 2049 ids within a file, the last one padded`,
    },
    {
      keys: ['batch', 'accumulate', 'steps'],
      certainty: 'derived',
      source:
        '2M tokens a step (card): 1024 sequences of 2048; 1.2 trillion tokens; the division of a batch is a matter of memory',
    },
    {
      keys: ['optimizer.name', 'optimizer.lr', 'optimizer.betas', 'schedule', 'zLoss', 'compute'],
      certainty: 'published',
      source: `paper and card; formulas of ${OPENLM}, scheduler.py and losses.py`,
    },
    {
      keys: ['optimizer', 'clip', 'seed'],
      certainty: 'default',
      source: `${OPENLM}: weight decay 0.1 and clipping as in its examples; its group without weight decay is empty`,
    },
    { keys: ['recompute', 'evaluate', 'checkpoint'], certainty: 'chosen', source: 'of no effect on the model' },
  ],
  conflicts: [
    'Warm-up: 2,000 steps on the card, 1,000 in section 7 of the paper. Taken: 2,000.',
    "Weight decay is not published: OpenLM's default is 0.2, its examples have 0.1. Taken: 0.1.",
    'Weight decay of A_log and D: the authors of Mamba exempt them, OpenLM does not. Taken: all parameters decay.',
    'The head: the published file stores one, transformers ties it to the embedding. Taken: tied.',
  ],
  differences: [],
  hardware: { ...H100_80GB, count: 128, deviceHours: 128 * 21 * 24 },
};
