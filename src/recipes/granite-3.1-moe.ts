/** Granite 3.1 1B-A400M (IBM): the two stages of Granite 3.0, then a context that grows to 128K. Granite 3.0 report; IBM/dolomite-engine d0ee186. */
import { exp, log } from '../base/math.ts';
import { graniteOptimizer, graniteRules } from './granite-rules.ts';
import { H100_80GB } from './hardware.ts';
import type { Recipe } from './recipe.ts';

const REPORT = 'Granite 3.0 report';
const WIDTH = 6; // m_width: logits_scaling of config.json

/** config.json of the first two stages; the last stage ends with that of ibm-granite/granite-3.1-1b-a400m-base. */
const model = {
  architectures: ['GraniteMoeForCausalLM'],
  model_type: 'granitemoe',
  attention_bias: false,
  attention_dropout: 0.1,
  attention_multiplier: 0.015625,
  bos_token_id: 0,
  eos_token_id: 0,
  pad_token_id: 0,
  embedding_multiplier: 12,
  hidden_act: 'silu',
  hidden_size: 1024,
  initializer_range: 0.02,
  intermediate_size: 512,
  logits_scaling: WIDTH,
  max_position_embeddings: 4096,
  num_attention_heads: 16,
  num_experts_per_tok: 8,
  num_hidden_layers: 24,
  num_key_value_heads: 8,
  num_local_experts: 32,
  output_router_logits: false,
  residual_multiplier: 0.22,
  rms_norm_eps: 1e-6,
  rope_scaling: null,
  rope_theta: 10000,
  router_aux_loss_coef: 0.001,
  tie_word_embeddings: true,
  vocab_size: 49152,
};

const TOKENS_PER_STEP = 1024 * 4096;
const stepsFor = (tokens: number) => Math.round(tokens / TOKENS_PER_STEP);
/** Rate at the end of the first stage: 4 * 1024 * n^-0.51 at n = 8e12 tokens. */
const AFTER_FIRST = 4 * 1024 * exp(-0.51 * log(8e12));
const LONGEST = 131072;
const [FIRST_THETA, LAST_THETA] = [1e4, 1.5e6];

/** Twice the length each time, with the base of the rotary positions between the two published ones on a logarithmic line. */
const longer = [1, 2, 3, 4, 5].map((i) => {
  const sequence = 4096 * 2 ** i;
  const theta = Math.round(FIRST_THETA * exp((i / 5) * log(LAST_THETA / FIRST_THETA)));
  return {
    steps: stepsFor(100e9),
    sequence,
    batch: 1,
    accumulate: TOKENS_PER_STEP / sequence,
    lr: 5e-4,
    schedule: i === 5 ? ({ name: 'exponential' } as const) : ({ name: 'constant' } as const),
    config: { rope_theta: theta, max_position_embeddings: sequence },
  };
});

export const graniteMoe: Recipe = {
  name: 'granite-3.1-moe',
  about: `Granite 3.1 of 1.3B parameters with 32 experts, 10.5 trillion tokens, context up to ${LONGEST}`,
  card: 'ibm-granite/granite-3.1-1b-a400m-base',
  model,
  config: {
    tokenizer: 'ibm-granite/granite-3.1-1b-a400m-base',
    initialize: { config: model, rules: graniteRules({ width: WIDTH, layers: 24 }) },
    data: { files: ['granite-mix'], sequence: 4096, ends: '{eos}' },
    batch: 1,
    accumulate: 1024,
    stages: [
      { steps: stepsFor(8e12), lr: 0.02 },
      { steps: stepsFor(2e12), lr: AFTER_FIRST, schedule: { name: 'exponential' } },
      ...longer,
    ],
    optimizer: graniteOptimizer({ width: WIDTH, lr: 0.02 }),
    schedule: { name: 'power', warmup: 2500, warmupOffset: 0, a: 4, b: -0.51, batch: 1024 },
    balance: { name: 'dolomite', coefficient: 0.001, zLoss: 0.1 },
    clip: 1,
    compute: 'bf16',
    recompute: true,
    seed: 42,
    evaluate: { every: 1000 },
    checkpoint: { every: 1000 },
  },
  sources: [
    {
      keys: ['initialize.config', 'balance.coefficient'],
      certainty: 'published',
      source: 'config.json of ibm-granite/granite-3.0-1b-a400m-base and granite-3.1-1b-a400m-base (408b6e90)',
    },
    {
      keys: ['initialize.rules', 'optimizer.groups'],
      certainty: 'published',
      source: `${REPORT}, table 2; IBM/dolomite-engine`,
    },
    { keys: ['tokenizer'], certainty: 'published', source: 'the model card' },
    {
      keys: ['data', 'batch', 'accumulate'],
      certainty: 'derived',
      source: `${REPORT}: 4M tokens a step of 4096: 1024 sequences`,
    },
    { keys: ['stages[0]', 'stages[1].steps'], certainty: 'published', source: `${REPORT}: 8 and 2 trillion tokens` },
    {
      keys: ['stages[1]'],
      certainty: 'chosen',
      source:
        'length and form of the decay are not published: here all of the second stage, by the formula of dolomite-engine',
    },
    {
      keys: ['stages'],
      certainty: 'chosen',
      source:
        'about 500 billion tokens, first and last base of the rotary positions: cards and config.json; lengths, bases, rates and tokens between are not published',
    },
    {
      keys: ['optimizer.lr', 'optimizer.betas', 'optimizer.weightDecay', 'optimizer.name', 'schedule'],
      certainty: 'published',
      source: REPORT,
    },
    {
      keys: ['optimizer.eps', 'optimizer.decay', 'clip'],
      certainty: 'default',
      source: 'IBM/dolomite-engine: norms and biases do not decay',
    },
    {
      keys: ['balance'],
      certainty: 'published',
      source: "IBM/dolomite-engine, moe.py: summed over layers, with 0.1 of the router's z-loss",
    },
    { keys: ['compute', 'recompute', 'seed', 'evaluate', 'checkpoint'], certainty: 'chosen', source: 'not published' },
  ],
  conflicts: [
    'Coefficient of the load-balancing loss: 0.001 in config.json, 0.01 in the example of dolomite-engine, none in the report. Taken: 0.001.',
    'Batch of the power schedule: its unit is not stated. Taken: 1024 sequences; in tokens the rate would stay at its cap for ever.',
    'initializer_range is 0.02 in config.json, 0.1 on the card. Taken: 0.1 of muP, as the engine does.',
  ],
  differences: [
    'Dropout of 0.1 on attention is not done.',
    'The published hours are those of Granite 3.0, without the growing context.',
    'The mixture of data changes between the stages of the authors; here it is the same in all.',
  ],
  hardware: { ...H100_80GB, count: undefined, deviceHours: 71_171 },
};
