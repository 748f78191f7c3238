/**
 * The published checkpoints that this library was made for, as far as a loader sees them: config.json, and names, shapes and types of
 * all tensors in their order, and the files they lie in. Facts from the files on huggingface.co, except where a comment says otherwise.
 */

import { UsageError } from '../src/base/errors.ts';
import type { StoredDType } from '../src/checkpoint/safetensors.ts';
import type { JsonObject } from '../src/models/config.ts';

export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: StoredDType;
  /** Name of the tensor of which this is a second copy. */
  readonly copyOf?: string;
}

export interface Published {
  /** On huggingface.co. */
  readonly id: string;
  readonly config: JsonObject;
  readonly generationConfig?: JsonObject;
  readonly tensors: (config: JsonObject) => TensorSpec[];
  readonly file: 'model.safetensors' | 'pytorch_model.bin';
  /** Tensors are laid into files in their order; a file that would grow beyond this ends before. Without it there is one file. */
  readonly shardBytes?: number;
}

function count(config: JsonObject, key: string): number {
  const value = config[key];
  if (typeof value !== 'number') throw new UsageError(`the config has '${key}': ${String(value)}, wanted a number.`);
  return value;
}

const layers = (config: JsonObject, key: string, make: (i: number) => TensorSpec[]): TensorSpec[] =>
  Array.from({ length: count(config, key) }, (_, i) => make(i)).flat();

const of =
  (dtype: StoredDType, prefix = '') =>
  (name: string, ...shape: number[]): TensorSpec => ({ name: prefix + name, shape, dtype });

interface BackpackExtras {
  /** lm_head is stored beside the embedding. */
  readonly head: boolean;
  /** Causal masks, which transformers of that time registered as buffers. */
  readonly masks: boolean;
}

/** GPT-2's Conv1D stores [in, out]; only sense_weight_net.c_attn is a Linear, [out, in]. */
function backpackTensors(config: JsonObject, { head, masks }: BackpackExtras): TensorSpec[] {
  const [v, p, d, senses] = ['vocab_size', 'n_positions', 'n_embd', 'num_senses'].map((key) => count(config, key)) as [
    number,
    number,
    number,
    number,
  ];
  const inner = 4 * d;
  const senseInner = count(config, 'sense_intermediate_scale') * d;
  const both = 2 * senses * Math.floor(d / senses); // queries and keys
  const f32 = of('F32', 'backpack.');
  const norm = (name: string) => [f32(`${name}.weight`, d), f32(`${name}.bias`, d)];
  const conv = (name: string, from: number, to: number) => [f32(`${name}.weight`, from, to), f32(`${name}.bias`, to)];
  const wte = 'backpack.gpt2_model.wte.weight';
  return [
    f32('gpt2_model.wte.weight', v, d),
    f32('gpt2_model.wpe.weight', p, d),
    ...layers(config, 'n_layer', (i) => {
      const h = `gpt2_model.h.${i}`;
      return [
        ...norm(`${h}.ln_1`),
        ...(masks ? [of('BOOL', 'backpack.')(`${h}.attn.bias`, 1, 1, p, p), f32(`${h}.attn.masked_bias`)] : []),
        ...conv(`${h}.attn.c_attn`, d, 3 * d),
        ...conv(`${h}.attn.c_proj`, d, d),
        ...norm(`${h}.ln_2`),
        ...conv(`${h}.mlp.c_fc`, d, inner),
        ...conv(`${h}.mlp.c_proj`, inner, d),
      ];
    }),
    ...norm('gpt2_model.ln_f'),
    { ...f32('word_embeddings.weight', v, d), copyOf: wte },
    { ...f32('position_embeddings.weight', p, d), copyOf: 'backpack.gpt2_model.wpe.weight' },
    ...norm('sense_network.block.ln_1'),
    ...norm('sense_network.block.ln_2'),
    ...conv('sense_network.block.mlp.c_fc', d, 4 * d),
    ...conv('sense_network.block.mlp.c_proj', 4 * d, d),
    ...norm('sense_network.ln'),
    ...conv('sense_network.final_mlp.c_fc', d, senseInner),
    ...conv('sense_network.final_mlp.c_proj', senseInner, senses * d),
    f32('sense_weight_net.c_attn.weight', both, d),
    f32('sense_weight_net.c_attn.bias', both),
    ...(head ? [{ ...of('F32')('lm_head.weight', v, d), copyOf: wte }] : []),
  ];
}

/** The prefixes of transformers are missing in this checkpoint, and its head has one too many. */
function mambaTensors(config: JsonObject): TensorSpec[] {
  const [v, d, e, n, w, r] = [
    'vocab_size',
    'hidden_size',
    'intermediate_size',
    'state_size',
    'conv_kernel',
    'time_step_rank',
  ].map((key) => count(config, key)) as [number, number, number, number, number, number];
  const f32 = of('F32');
  return [
    f32('embeddings.weight', v, d),
    ...layers(config, 'num_hidden_layers', (i) => {
      const mixer = of('F32', `layers.${i}.mixer.`);
      return [
        f32(`layers.${i}.norm.weight`, d),
        mixer('A_log', e, n),
        mixer('D', e),
        mixer('conv1d.weight', e, 1, w),
        mixer('conv1d.bias', e),
        mixer('in_proj.weight', 2 * e, d),
        mixer('x_proj.weight', r + 2 * n, e),
        mixer('dt_proj.weight', e, r),
        mixer('dt_proj.bias', e),
        mixer('out_proj.weight', d, e),
      ];
    }),
    f32('norm_f.weight', d),
    { ...f32('model.lm_head.weight', v, d), copyOf: 'embeddings.weight' },
  ];
}

/** `matrix` makes the tensors of one projection; `feedForward` those between attention and norms, or after them. */
function decoderTensors(
  config: JsonObject,
  matrix: (name: string, out: number, width: number) => TensorSpec[],
  feedForward: (prefix: string) => TensorSpec[],
): TensorSpec[] {
  const d = count(config, 'hidden_size');
  const keys = (d / count(config, 'num_attention_heads')) * count(config, 'num_key_value_heads');
  const v = count(config, 'vocab_size');
  const bf16 = of('BF16');
  return [
    bf16('model.embed_tokens.weight', v, d),
    ...layers(config, 'num_hidden_layers', (i) => {
      const layer = `model.layers.${i}.`;
      const attention = `${layer}self_attn.`;
      return [
        ...matrix(`${attention}q_proj`, d, d),
        ...matrix(`${attention}k_proj`, keys, d),
        ...matrix(`${attention}v_proj`, keys, d),
        ...matrix(`${attention}o_proj`, d, d),
        ...feedForward(layer),
        bf16(`${layer}input_layernorm.weight`, d),
        bf16(`${layer}post_attention_layernorm.weight`, d),
      ];
    }),
    bf16('model.norm.weight', d),
    ...(config.tie_word_embeddings ? [] : [bf16('lm_head.weight', v, d)]),
  ];
}

type Matrix = (name: string, out: number, width: number) => TensorSpec[];

const dense: Matrix = (name, out, width) => [of('BF16')(`${name}.weight`, out, width)];

/** Four rows to a byte, and one scale. */
const ternary: Matrix = (name, out, width) => [
  of('U8')(`${name}.weight`, out / 4, width),
  of('BF16')(`${name}.weight_scale`, 1),
];

const gated = (config: JsonObject, matrix: Matrix) => (layer: string) => {
  const d = count(config, 'hidden_size');
  const inner = count(config, 'intermediate_size');
  return [
    ...matrix(`${layer}mlp.gate_proj`, inner, d),
    ...matrix(`${layer}mlp.up_proj`, inner, d),
    ...matrix(`${layer}mlp.down_proj`, d, inner),
  ];
};

const experts = (config: JsonObject) => (layer: string) => {
  const [d, inner, x] = ['hidden_size', 'intermediate_size', 'num_local_experts'].map((key) => count(config, key)) as [
    number,
    number,
    number,
  ];
  const bf16 = of('BF16', `${layer}block_sparse_moe.`);
  return [
    bf16('input_linear.weight', x, 2 * inner, d),
    bf16('output_linear.weight', x, d, inner),
    bf16('router.layer.weight', x, d),
  ];
};

const llamaTensors = (config: JsonObject) => decoderTensors(config, ternary, gated(config, ternary));
const graniteTensors = (config: JsonObject) => decoderTensors(config, dense, gated(config, dense));
const graniteMoeTensors = (config: JsonObject) => decoderTensors(config, dense, experts(config));

const GPT2 = {
  activation_function: 'gelu_new',
  bos_token_id: 50256,
  eos_token_id: 50256,
  initializer_range: 0.02,
  layer_norm_epsilon: 1e-5,
  n_positions: 512,
  scale_attn_by_inverse_layer_idx: true,
  vocab_size: 50264,
};

const GRANITE = {
  attention_bias: false,
  attention_dropout: 0.1,
  bos_token_id: 0,
  embedding_multiplier: 12,
  eos_token_id: 0,
  hidden_act: 'silu',
  initializer_range: 0.02,
  max_position_embeddings: 131072,
  num_key_value_heads: 8,
  pad_token_id: 0,
  residual_multiplier: 0.22,
  rope_scaling: null,
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
  transformers_version: '4.46.0',
  use_cache: true,
  vocab_size: 49152,
};

const GRANITE_DENSE = {
  ...GRANITE,
  architectures: ['GraniteForCausalLM'],
  mlp_bias: false,
  model_type: 'granite',
  num_attention_heads: 32,
  num_hidden_layers: 40,
  rms_norm_eps: 1e-5,
};

const GRANITE_MOE = {
  ...GRANITE,
  architectures: ['GraniteMoeForCausalLM'],
  attention_multiplier: 0.015625,
  intermediate_size: 512,
  logits_scaling: 6,
  model_type: 'granitemoe',
  num_experts_per_tok: 8,
  output_router_logits: false,
  rms_norm_eps: 1e-6,
  router_aux_loss_coef: 0.001,
};

const GRANITE_GENERATION = { _from_model_config: true, bos_token_id: 0, eos_token_id: 0, pad_token_id: 0 };

const granite = (
  name: string,
  config: JsonObject,
  tensors: Published['tensors'],
  shardBytes: number,
): [string, Published] => [
  name,
  {
    id: `ibm-granite/${name}`,
    config,
    generationConfig: { ...GRANITE_GENERATION, transformers_version: '4.46.0' },
    tensors,
    file: 'model.safetensors',
    shardBytes,
  },
];

/** By the last part of their ids. */
export const PUBLISHED: ReadonlyMap<string, Published> = new Map<string, Published>([
  [
    'backpack-gpt2',
    {
      id: 'stanfordnlp/backpack-gpt2',
      config: {
        ...GPT2,
        architectures: ['BackpackGPT2LMHeadModel'],
        attn_pdrop: 0.1,
        auto_map: {
          AutoConfig: 'configuration_backpack_gpt2.BackpackGPT2Config',
          AutoModelForCausalLM: 'modeling_backpack_gpt2.BackpackGPT2LMHeadModel',
        },
        embd_pdrop: 0.1,
        model_type: 'gpt2',
        n_embd: 768,
        n_head: 12,
        n_inner: null,
        n_layer: 12,
        num_senses: 16,
        reorder_and_upcast_attn: false,
        resid_pdrop: 0.1,
        scale_attn_weights: true,
        sense_intermediate_scale: 4,
        summary_activation: null,
        summary_first_dropout: 0.1,
        summary_proj_to_labels: true,
        summary_type: 'cls_index',
        summary_use_proj: true,
        transformers_version: '4.29.0.dev0',
        use_cache: true,
      },
      tensors: (config) => backpackTensors(config, { head: true, masks: true }),
      file: 'pytorch_model.bin',
    },
  ],
  [
    'levanter-backpack-1b',
    {
      id: 'stanford-crfm/levanter-backpack-1b',
      // What Levanter's exporter writes for its published training configuration; the file itself was not at hand.
      config: {
        ...GPT2,
        architectures: 'BackpackGPT2LMHeadModel',
        attn_pdrop: 0,
        auto_map: {
          AutoConfig: 'backpack_config.BackpackGPT2Config',
          AutoModelForCausalLM: 'backpack_model.BackpackGPT2LMHeadModel',
        },
        embd_pdrop: 0,
        model_type: 'backpack-gpt2',
        n_embd: 1280,
        n_head: 20,
        n_layer: 36,
        num_senses: 48,
        reorder_and_upcast_attn: false,
        resid_pdrop: 0,
        sense_intermediate_scale: 7,
      },
      tensors: (config) => backpackTensors(config, { head: false, masks: false }),
      file: 'model.safetensors',
    },
  ],
  [
    'Llama3-8B-1.58-100B-tokens',
    {
      id: 'HF1BitLLM/Llama3-8B-1.58-100B-tokens',
      config: {
        _name_or_path: '/fsx/mohamed/scripts_training/quantized_model_llama_8B_10',
        architectures: ['LlamaForCausalLM'],
        attention_bias: false,
        attention_dropout: 0,
        bos_token_id: 128000,
        eos_token_id: 128009,
        hidden_act: 'silu',
        hidden_size: 4096,
        initializer_range: 0.02,
        intermediate_size: 14336,
        is_bitnet_config: true,
        max_position_embeddings: 8192,
        mlp_bias: false,
        model_type: 'llama',
        num_attention_heads: 32,
        num_hidden_layers: 32,
        num_key_value_heads: 8,
        pretraining_tp: 1,
        rms_norm_eps: 1e-5,
        rope_interleaved: false,
        rope_scaling: null,
        rope_theta: 500000,
        tie_word_embeddings: false,
        torch_dtype: 'bfloat16',
        transformers_version: '4.44.0.dev0',
        use_cache: true,
        vocab_size: 128256,
        quantization_config: { quant_method: 'bitnet' }, // the file has this key twice; the last one counts
      },
      generationConfig: {
        _from_model_config: true,
        bos_token_id: 128000,
        eos_token_id: 128009,
        transformers_version: '4.44.0.dev0',
      },
      tensors: llamaTensors,
      file: 'model.safetensors',
    },
  ],
  [
    'mamba-7b-rw',
    {
      id: 'TRI-ML/mamba-7b-rw',
      config: {
        architectures: ['MambaForCausalLM'],
        bos_token_id: 0,
        conv_kernel: 4,
        eos_token_id: 0,
        expand: 2,
        fused_add_norm: true,
        hidden_act: 'silu',
        hidden_size: 4096,
        initializer_range: 0.1,
        intermediate_size: 8192,
        layer_norm_epsilon: 1e-5,
        model_type: 'mamba',
        n_layer: 64,
        num_hidden_layers: 64,
        pad_token_id: 0,
        pad_vocab_size_multiple: 8,
        rescale_prenorm_residual: false,
        residual_in_fp32: true,
        rms_norm: true,
        state_size: 16,
        time_step_floor: 0.0001,
        time_step_init_scheme: 'random',
        time_step_max: 0.1,
        time_step_min: 0.001,
        time_step_rank: 256,
        time_step_scale: 1,
        torch_dtype: 'float32',
        transformers_version: '4.39.0.dev0',
        use_bias: false,
        use_cache: true,
        use_conv_bias: true,
        vocab_size: 50432,
      },
      generationConfig: {
        _from_model_config: true,
        bos_token_id: 0,
        eos_token_id: 0,
        pad_token_id: 0,
        transformers_version: '4.39.0.dev0',
      },
      tensors: mambaTensors,
      file: 'model.safetensors',
    },
  ],
  granite(
    'granite-3.1-1b-a400m-base',
    {
      ...GRANITE_MOE,
      hidden_size: 1024,
      num_attention_heads: 16,
      num_hidden_layers: 24,
      num_local_experts: 32,
      rope_theta: 1_500_000,
    },
    graniteMoeTensors,
    2e9,
  ),
  granite(
    'granite-3.1-3b-a800m-base',
    {
      ...GRANITE_MOE,
      hidden_size: 1536,
      num_attention_heads: 24,
      num_hidden_layers: 32,
      num_local_experts: 40,
      rope_theta: 10_000_000,
    },
    graniteMoeTensors,
    5e9,
  ),
  granite(
    'granite-3.1-2b-base',
    {
      ...GRANITE_DENSE,
      attention_multiplier: 0.015625,
      hidden_size: 2048,
      intermediate_size: 8192,
      logits_scaling: 8,
      rope_theta: 5_000_000,
    },
    graniteTensors,
    5e9,
  ),
  granite(
    'granite-3.1-8b-base',
    {
      ...GRANITE_DENSE,
      attention_multiplier: 0.0078125,
      hidden_size: 4096,
      intermediate_size: 12800,
      logits_scaling: 16,
      rope_theta: 10_000_000,
    },
    graniteTensors,
    5e9,
  ),
]);
