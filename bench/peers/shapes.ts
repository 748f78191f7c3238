/**
 * The shapes that both sides run, and how llama.cpp calls their tensors. A Backpack has no counterpart there: the nearest thing is the
 * GPT-2 inside it, which lacks the sense network and the attention over senses, and so has less to do.
 */
import type { JsonObject } from '../../src/models/config.ts';
import type { Published } from '../published.ts';
import { shapeNamed } from '../shapes.ts';
import type { GgufFormat, GgufTensor, GgufValue } from './gguf.ts';

export interface GgufModel {
  readonly metadata: Readonly<Record<string, GgufValue>>;
  readonly tensors: readonly GgufTensor[];
}

/** A pair of formats that a user would choose between: ours, and that of a GGUF file. */
export interface FormatPair {
  readonly ours: string;
  readonly theirs: GgufFormat;
}

export interface Shape {
  readonly published: Published;
  /** By the name that is given on the command line. */
  readonly formats: Readonly<Record<string, FormatPair>>;
  readonly gguf: (config: JsonObject, format: GgufFormat) => GgufModel;
}

const QUANTISED = {
  q8: { ours: 'q8', theirs: 'q8_0' },
  q4: { ours: 'q4', theirs: 'q4_0' },
  bf16: { ours: 'bf16', theirs: 'bf16' },
  f32: { ours: 'f32', theirs: 'f32' },
} as const;

/** By name; the names are short, since they are typed. */
export const SHAPES: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ['granite-2b', { published: shapeNamed('granite-3.1-2b'), formats: QUANTISED, gguf: granite }],
  ['granite-1b', { published: shapeNamed('granite-3.1-1b-a400m-base'), formats: QUANTISED, gguf: graniteMoe }],
  ['mamba-130m', { published: shapeNamed('mamba-130m'), formats: QUANTISED, gguf: mamba }],
  ['mamba-0.7b', { published: shapeNamed('mamba-0.7b'), formats: QUANTISED, gguf: mamba }],
  ['mamba-2.8b', { published: shapeNamed('mamba-2.8b'), formats: QUANTISED, gguf: mamba }],
  ['mamba-7b', { published: shapeNamed('mamba-7b-rw'), formats: { q8: QUANTISED.q8, q4: QUANTISED.q4 }, gguf: mamba }],
  [
    'llama-8b',
    {
      published: shapeNamed('Llama3-8B-1.58-100B-tokens'),
      formats: { ternary: { ours: 'ternary', theirs: 'tq2_0' }, 'ternary-q4': { ours: 'ternary', theirs: 'q4_0' } },
      gguf: llama,
    },
  ],
  ['backpack', { published: shapeNamed('backpack-gpt2'), formats: QUANTISED, gguf: gpt2 }],
]);

/** All bytes, and made-up words in which no text is split: a text of n ASCII characters has n tokens, for peers that take no ids. */
const word = (_: unknown, id: number): string =>
  id < 256 ? `<0x${id.toString(16).toUpperCase().padStart(2, '0')}>` : `<${id}>`;

const common = (architecture: string, config: JsonObject): Record<string, GgufValue> => ({
  'general.architecture': architecture,
  'general.name': 'synthetic',
  'tokenizer.ggml.model': 'llama',
  'tokenizer.ggml.add_bos_token': false,
  'tokenizer.ggml.add_space_prefix': false,
  'tokenizer.ggml.tokens': Array.from({ length: number(config, 'vocab_size') }, word),
  [`${architecture}.vocab_size`]: { u32: number(config, 'vocab_size') },
});

function number(config: JsonObject, key: string): number {
  const value = config[key];
  if (typeof value !== 'number') throw new RangeError(`the config has '${key}': ${String(value)}, wanted a number`);
  return value;
}

const matrix =
  (format: GgufFormat) =>
  (name: string, ...shape: number[]): GgufTensor => ({ name, shape, format });
const small = matrix('f32');
const filled = (fill: number, name: string, ...shape: number[]): GgufTensor => ({ name, shape, format: 'f32', fill });
const norm = (name: string, width: number): GgufTensor => filled(1, `${name}.weight`, width);

/**
 * As `llama-quantize --pure` makes them, so that both sides read as many bytes; without it llama.cpp keeps the head of q4_0 files at 6
 * bits. Only the head of ternary files is q6_K here too, for no model has a ternary one.
 */
const tableFormat = (format: GgufFormat): GgufFormat => (format === 'tq2_0' ? 'q4_0' : format);
const headFormat = (format: GgufFormat): GgufFormat => (format === 'tq2_0' ? 'q6_k' : format);

const layers = (config: JsonObject, key: string, make: (prefix: string) => GgufTensor[]): GgufTensor[] =>
  Array.from({ length: number(config, key) }, (_, i) => make(`blk.${i}.`)).flat();

function decoderMetadata(architecture: string, config: JsonObject): Record<string, GgufValue> {
  const set: Record<string, GgufValue> = {};
  const keys = { hidden_size: 'embedding_length', num_hidden_layers: 'block_count' };
  const more = {
    intermediate_size: 'feed_forward_length',
    max_position_embeddings: 'context_length',
    num_attention_heads: 'attention.head_count',
    num_key_value_heads: 'attention.head_count_kv',
  };
  for (const [from, to] of Object.entries({ ...keys, ...more }))
    set[`${architecture}.${to}`] = { u32: number(config, from) };
  return {
    ...common(architecture, config),
    ...set,
    [`${architecture}.rope.dimension_count`]: {
      u32: number(config, 'hidden_size') / number(config, 'num_attention_heads'),
    },
    [`${architecture}.rope.freq_base`]: { f32: number(config, 'rope_theta') },
    [`${architecture}.attention.layer_norm_rms_epsilon`]: { f32: number(config, 'rms_norm_eps') },
  };
}

function attention(config: JsonObject, format: GgufFormat, prefix: string): GgufTensor[] {
  const w = matrix(format);
  const d = number(config, 'hidden_size');
  const keys = (d / number(config, 'num_attention_heads')) * number(config, 'num_key_value_heads');
  return [
    norm(`${prefix}attn_norm`, d),
    w(`${prefix}attn_q.weight`, d, d),
    w(`${prefix}attn_k.weight`, keys, d),
    w(`${prefix}attn_v.weight`, keys, d),
    w(`${prefix}attn_output.weight`, d, d),
    norm(`${prefix}ffn_norm`, d),
  ];
}

function graniteMetadata(architecture: string, config: JsonObject): Record<string, GgufValue> {
  return {
    ...decoderMetadata(architecture, config),
    [`${architecture}.attention.scale`]: { f32: number(config, 'attention_multiplier') },
    [`${architecture}.embedding_scale`]: { f32: number(config, 'embedding_multiplier') },
    [`${architecture}.residual_scale`]: { f32: number(config, 'residual_multiplier') },
    [`${architecture}.logit_scale`]: { f32: number(config, 'logits_scaling') },
  };
}

function feedForward(config: JsonObject, format: GgufFormat, prefix: string): GgufTensor[] {
  const w = matrix(format);
  const d = number(config, 'hidden_size');
  const inner = number(config, 'intermediate_size');
  return [
    w(`${prefix}ffn_gate.weight`, inner, d),
    w(`${prefix}ffn_down.weight`, d, inner),
    w(`${prefix}ffn_up.weight`, inner, d),
  ];
}

function granite(config: JsonObject, format: GgufFormat): GgufModel {
  const d = number(config, 'hidden_size');
  return {
    metadata: graniteMetadata('granite', config),
    tensors: [
      matrix(format)('token_embd.weight', number(config, 'vocab_size'), d),
      norm('output_norm', d),
      ...layers(config, 'num_hidden_layers', (prefix) => [
        ...attention(config, format, prefix),
        ...feedForward(config, format, prefix),
      ]),
    ],
  };
}

function graniteMoe(config: JsonObject, format: GgufFormat): GgufModel {
  const w = matrix(format);
  const d = number(config, 'hidden_size');
  const inner = number(config, 'intermediate_size');
  const experts = number(config, 'num_local_experts');
  return {
    metadata: {
      ...graniteMetadata('granitemoe', config),
      'granitemoe.expert_count': { u32: experts },
      'granitemoe.expert_used_count': { u32: number(config, 'num_experts_per_tok') },
    },
    tensors: [
      w('token_embd.weight', number(config, 'vocab_size'), d),
      norm('output_norm', d),
      ...layers(config, 'num_hidden_layers', (prefix) => [
        ...attention(config, format, prefix),
        small(`${prefix}ffn_gate_inp.weight`, experts, d),
        w(`${prefix}ffn_gate_exps.weight`, experts, inner, d),
        w(`${prefix}ffn_down_exps.weight`, experts, d, inner),
        w(`${prefix}ffn_up_exps.weight`, experts, inner, d),
      ]),
    ],
  };
}

function llama(config: JsonObject, format: GgufFormat): GgufModel {
  const d = number(config, 'hidden_size');
  const vocabulary = number(config, 'vocab_size');
  return {
    metadata: decoderMetadata('llama', config),
    tensors: [
      matrix(tableFormat(format))('token_embd.weight', vocabulary, d),
      norm('output_norm', d),
      matrix(headFormat(format))('output.weight', vocabulary, d),
      ...layers(config, 'num_hidden_layers', (prefix) => [
        ...attention(config, format, prefix),
        ...feedForward(config, format, prefix),
      ]),
    ],
  };
}

function mamba(config: JsonObject, format: GgufFormat): GgufModel {
  const w = matrix(format);
  const d = number(config, 'hidden_size');
  const inner = number(config, 'intermediate_size');
  const states = number(config, 'state_size');
  const kernel = number(config, 'conv_kernel');
  const rank = number(config, 'time_step_rank');
  return {
    metadata: {
      ...common('mamba', config),
      'mamba.context_length': { u32: 1 << 20 },
      'mamba.embedding_length': { u32: d },
      'mamba.block_count': { u32: number(config, 'num_hidden_layers') },
      'mamba.feed_forward_length': { u32: 0 },
      'mamba.attention.head_count': { u32: 0 },
      'mamba.attention.layer_norm_rms_epsilon': { f32: number(config, 'layer_norm_epsilon') },
      'mamba.ssm.conv_kernel': { u32: kernel },
      'mamba.ssm.inner_size': { u32: inner },
      'mamba.ssm.state_size': { u32: states },
      'mamba.ssm.time_step_rank': { u32: rank },
    },
    tensors: [
      w('token_embd.weight', number(config, 'vocab_size'), d),
      norm('output_norm', d),
      ...layers(config, 'num_hidden_layers', (prefix) => [
        norm(`${prefix}attn_norm`, d),
        w(`${prefix}ssm_in.weight`, 2 * inner, d),
        small(`${prefix}ssm_conv1d.weight`, inner, kernel),
        filled(0, `${prefix}ssm_conv1d.bias`, inner),
        w(`${prefix}ssm_x.weight`, rank + 2 * states, inner),
        (rank % 32 === 0 ? w : small)(`${prefix}ssm_dt.weight`, inner, rank), // as llama-quantize leaves what has no whole blocks
        filled(-4, `${prefix}ssm_dt.bias`, inner), // steps of 0.02 after softplus
        filled(-1, `${prefix}ssm_a`, inner, states),
        filled(1, `${prefix}ssm_d`, inner),
        w(`${prefix}ssm_out.weight`, d, inner),
      ]),
    ],
  };
}

function gpt2(config: JsonObject, format: GgufFormat): GgufModel {
  const w = matrix(format);
  const d = number(config, 'n_embd');
  const positions = number(config, 'n_positions');
  const affine = (name: string) => [norm(name, d), filled(0, `${name}.bias`, d)];
  const linear = (name: string, out: number, width: number) => [
    w(`${name}.weight`, out, width),
    filled(0, `${name}.bias`, out),
  ];
  return {
    metadata: {
      ...common('gpt2', config),
      'gpt2.context_length': { u32: positions },
      'gpt2.embedding_length': { u32: d },
      'gpt2.feed_forward_length': { u32: 4 * d },
      'gpt2.block_count': { u32: number(config, 'n_layer') },
      'gpt2.attention.head_count': { u32: number(config, 'n_head') },
      'gpt2.attention.layer_norm_epsilon': { f32: number(config, 'layer_norm_epsilon') },
    },
    tensors: [
      w('token_embd.weight', number(config, 'vocab_size'), d),
      small('position_embd.weight', positions, d),
      ...affine('output_norm'),
      ...layers(config, 'n_layer', (prefix) => [
        ...affine(`${prefix}attn_norm`),
        ...linear(`${prefix}attn_qkv`, 3 * d, d),
        ...linear(`${prefix}attn_output`, d, d),
        ...affine(`${prefix}ffn_norm`),
        ...linear(`${prefix}ffn_up`, 4 * d, d),
        ...linear(`${prefix}ffn_down`, d, 4 * d),
      ]),
    ],
  };
}
