/**
 * Tensors of a checkpoint that its model does not read. transformers warns of all of them and goes on. Here that is done only for those
 * that cannot be part of what the model computes; all others are an error.
 */

import { CheckpointError } from '../base/errors.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { partName } from './describe.ts';
import { listed } from './names.ts';

/** 2^20 numbers of f32, more than the width of any layer. */
const MAX_BIAS_BYTES = 4 << 20;

/** Names that other heads, other tools and older versions leave in checkpoints. */
const HARMLESS: readonly RegExp[] = [
  // Heads for other tasks: TRL, trlX, OpenRLHF; classification, questions, several tokens at once.
  /^(\w+\.)?(v_head|value_head|ilql_heads|reward_head|rm_head|critic_head|score|score_head|classifier|classification_head)\./,
  /^(\w+\.)?(cls_head|regression_head|qa_outputs|multiple_choice_head|medusa_head|medusa_heads|mtp|mtp_head)\./,
  // Scales of caches of keys and values, and of attention, in 8 bits: vLLM, llm-compressor, ModelOpt.
  /\b(self_attn|attn|attention)\.(\w+\.)?(q|k|v|kv|qkv|prob|softmax)_(cache_)?(scale|zero_point|scaling_factor|global_scale)$/,
  /\b(self_attn|attn|attention)\.(k_proj|v_proj)\.(output_scale|output_zero_point)$/,
  // Rotary tables and masks, which this library computes itself.
  /(^|\.)(rotary_emb|rotary_embedding|rope)\.(inv_freq|original_inv_freq|freqs|cos_cached|sin_cached|cos|sin)$/,
  /(^|\.)(freqs_cis|position_ids|masked_bias|causal_mask|attn_mask)$/,
  // TransformerEngine's extra state: empty, or settings of its kernels.
  /(^|\.)_extra_state$/,
];

/** Masks are [1, 1, T, T]; no bias has four axes. */
const isCausalMask = ({ name, shape }: StoredTensor): boolean =>
  /(^|\.)\w*attn\.bias$/.test(name) && shape.length === 4;

const isHarmless = (tensor: StoredTensor): boolean =>
  HARMLESS.some((pattern) => pattern.test(tensor.name)) || isCausalMask(tensor);

/** Hints on other tensors, by name. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /\blora_(A|B|E|embedding_A|embedding_B)\b/,
    'Adapters that are not merged: merge them with peft (merge_and_unload) first.',
  ],
  [
    /\.(qweight|qzeros|scales|g_idx|SCB|absmax|quant_map|quant_state\S*|weight_scale\w*|weight_zero_point|input_scale)$/,
    'Weights that another tool quantised: take the checkpoint that they were made from.',
  ],
  [/\.bias$/, 'Biases that config.json does not announce (attention_bias, mlp_bias, use_bias).'],
  [/\blayers\.\d+\./, 'Layers or parts of layers that config.json does not announce (num_hidden_layers, model_type).'],
];

/**
 * Warns of unread tensors that cannot change what the model computes. Throws CheckpointError when there are others. Reads biases, to find
 * those that are all zero.
 */
export async function checkLeftovers(
  unread: readonly StoredTensor[],
  onWarning?: (message: string) => void,
): Promise<void> {
  const others: string[] = [];
  for (const tensor of unread) if (!isHarmless(tensor) && !(await isZeroBias(tensor))) others.push(tensor.name);
  if (others.length > 0) {
    const hint =
      HINTS.find(([pattern]) => pattern.test(others[0] as string))?.[1] ?? 'Does config.json belong to these files?';
    throw new CheckpointError(
      `the checkpoint has ${count(others.length)} that this model does not read: ${listed(others)}. ${hint} If they change nothing in the ` +
        `computation, pass their names, with * for any part, in ignoreTensors (--ignore-tensors on the command line).`,
    );
  }
  if (unread.length === 0) return;
  const parts = [...new Set(unread.map(({ name }) => partName(name)))];
  onWarning?.(
    `the checkpoint has ${count(unread.length)} of other heads or tools, which this model does not read and which change nothing in it: ` +
      `${listed(parts)}.`,
  );
}

/** Zero biases are left by conversions from models that have biases. */
async function isZeroBias(tensor: StoredTensor): Promise<boolean> {
  const { name, shape, byteLength } = tensor;
  if (!name.endsWith('.bias') || shape.length !== 1 || byteLength > MAX_BIAS_BYTES) return false;
  const bytes = new Uint8Array(byteLength);
  await tensor.read(0, bytes);
  return bytes.every((byte) => byte === 0);
}

const count = (n: number): string => `${n} tensor${n === 1 ? '' : 's'}`;
