/** The shapes whose training is measured: a configuration, what of it is trained, and how many tokens a step has. */
import type { JsonObject } from '../../src/models/config.ts';
import type { LoraOptions } from '../../src/training/lora.ts';
import { PUBLISHED, type Published } from '../published.ts';
import { shapeNamed } from '../shapes.ts';

export interface TrainShape {
  /** Names and shapes of its tensors, and its config.json. */
  readonly published: Published;
  /** Of weights in memory. */
  readonly weights: 'f32' | 'q8';
  /** Rows of a step, and tokens that the model reads of each. */
  readonly rows: number;
  readonly tokens: number;
  /** An adapter is trained in place of all weights. */
  readonly lora?: LoraOptions;
  /** Linear maps are rounded to 1.58 bits in training. */
  readonly ternary?: boolean;
  /** Sizes of a GPT that programs without our models train in its place. */
  readonly gpt?: GptSizes;
}

export interface GptSizes {
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
  readonly vocabulary: number;
}

function shapeOf(name: string, config: JsonObject): Published {
  const published = shapeNamed(name);
  return { ...published, config: { ...published.config, ...config } };
}

/** Its tensors are those of a dense Granite with a tied head, of which only the config has other keys. */
const llama = (config: JsonObject): Published => ({
  ...(PUBLISHED.get('granite-3.1-2b-base') as Published),
  config: {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_act: 'silu',
    max_position_embeddings: 512,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
    torch_dtype: 'bfloat16',
    ...config,
  },
});

/** The step that all tiny models take. */
const SMALL = { weights: 'f32', rows: 16, tokens: 128 } as const;

const GPT = { width: 256, heads: 8, layers: 6, vocabulary: 4096 };

export const TRAIN_SHAPES: ReadonlyMap<string, TrainShape> = new Map<string, TrainShape>([
  [
    'backpack-tiny',
    {
      ...SMALL,
      published: shapeOf('backpack-gpt2', { n_embd: 128, n_head: 4, n_layer: 4, num_senses: 8, vocab_size: 1032 }),
    },
  ],
  [
    'bitnet-tiny',
    {
      ...SMALL,
      ternary: true,
      published: llama({
        hidden_size: 192,
        intermediate_size: 512,
        num_attention_heads: 6,
        num_key_value_heads: 3,
        num_hidden_layers: 6,
        vocab_size: 1024,
      }),
    },
  ],
  [
    'mamba-tiny',
    {
      ...SMALL,
      published: shapeOf('mamba-7b-rw', {
        hidden_size: 128,
        intermediate_size: 256,
        n_layer: 6,
        num_hidden_layers: 6,
        time_step_rank: 8,
        vocab_size: 1032,
      }),
    },
  ],
  [
    'granite-tiny',
    {
      ...SMALL,
      published: shapeOf('granite-3.1-1b-a400m', {
        hidden_size: 128,
        intermediate_size: 96,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        num_hidden_layers: 4,
        num_local_experts: 8,
        num_experts_per_tok: 2,
        vocab_size: 1024,
      }),
    },
  ],
  [
    'gpt',
    {
      weights: 'f32',
      rows: 8,
      tokens: 256,
      gpt: GPT,
      // About as many numbers as the GPT has: three matrices of 688 rows for two of 1024.
      published: llama({
        hidden_size: GPT.width,
        intermediate_size: 688,
        num_attention_heads: GPT.heads,
        num_key_value_heads: GPT.heads,
        num_hidden_layers: GPT.layers,
        vocab_size: GPT.vocabulary,
      }),
    },
  ],
  ['backpack-gpt2', { weights: 'f32', rows: 4, tokens: 512, published: shapeOf('backpack-gpt2', {}) }],
  ['mamba-130m', { weights: 'f32', rows: 4, tokens: 512, published: shapeNamed('mamba-130m') }],
  [
    'granite-1b-lora',
    {
      weights: 'q8',
      rows: 2,
      tokens: 512,
      lora: { rank: 8, alpha: 16, targets: ['q_proj', 'k_proj', 'v_proj', 'o_proj'] },
      published: shapeOf('granite-3.1-1b-a400m', {}),
    },
  ],
]);
