/**
 * Llama 3 8B to 1.58 bit (Hugging Face, "Fine-tuning LLMs to 1.58bit: extreme quantization made easy", September 2024): 10 billion tokens
 * with a growing lambda, then 90 billion more.
 */
import type { Recipe } from './recipe.ts';

const BLOG = 'huggingface.co/blog/1_58_llm_extreme_quantization and the model cards';
const NANOTRON = "examples of huggingface/nanotron, the trainer's own";

/** config.json of meta-llama/Meta-Llama-3-8B-Instruct, from which the published model was trained. */
const model = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  attention_bias: false,
  attention_dropout: 0,
  bos_token_id: 128000,
  eos_token_id: 128009,
  hidden_act: 'silu',
  hidden_size: 4096,
  initializer_range: 0.02,
  intermediate_size: 14336,
  max_position_embeddings: 8192,
  mlp_bias: false,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  rope_theta: 500000,
  tie_word_embeddings: false,
  vocab_size: 128256,
};

export const llama3Ternary: Recipe = {
  name: 'llama3-8b-1.58',
  about: 'Llama 3 8B Instruct to 1.58 bit, 100 billion tokens of FineWeb-edu',
  card: 'HF1BitLLM/Llama3-8B-1.58-100B-tokens',
  model,
  config: {
    model: 'meta-llama/Meta-Llama-3-8B-Instruct',
    data: { files: ['fineweb-edu'], sequence: 2048, ends: '<|end_of_text|>' },
    batch: 1,
    accumulate: 1024,
    stages: [
      { steps: 5000, lr: 1e-4 },
      { steps: 45_000, lr: 1e-5, schedule: { name: 'cosine', warmup: 500, floor: 1e-6 } },
    ],
    lambda: { name: 'linear', steps: 1000 },
    optimizer: { name: 'adamw', lr: 1e-4, betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.01, decay: 'all' },
    schedule: { name: 'cosine', warmup: 500, floor: 1e-5 },
    clip: 1,
    compute: 'bf16',
    recompute: true,
    seed: 42,
    evaluate: { every: 500 },
    checkpoint: { every: 500 },
  },
  sources: [
    { keys: ['model', 'data.files', 'stages', 'lambda', 'optimizer.lr'], certainty: 'published', source: BLOG },
    {
      keys: ['batch', 'accumulate', 'data.sequence'],
      certainty: 'derived',
      source: '2 million tokens a step (blog); 1024 sequences in a comment on an earlier run',
    },
    {
      keys: ['optimizer', 'clip', 'compute', 'schedule.name', 'stages[1].schedule.name'],
      certainty: 'default',
      source: NANOTRON,
    },
    {
      keys: ['schedule', 'stages[1].schedule', 'data.ends', 'recompute', 'seed', 'evaluate', 'checkpoint'],
      certainty: 'chosen',
      source: 'warm-up, floor, end of documents and seed are not published',
    },
  ],
  conflicts: [
    'Lambda in the second stage is not published: the card speaks of a linear schedule as starting point. Taken: 1, as at the end of the first.',
    'The second stage of the authors began with the best checkpoint of several runs. Here it goes on with the one there is.',
  ],
  differences: [],
  hardware: undefined, // not published
};
