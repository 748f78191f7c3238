/**
 * Reads Mamba configurations: those of transformers (models/mamba, models/falcon_mamba), those of state-spaces/mamba
 * (models/config_mamba.py, whose `ssm_cfg` holds arguments of modules/mamba_simple.py), and files with the keys of both.
 */
import { CheckpointError, quote } from '../base/errors.ts';
import { readActivation } from './activation.ts';
import type { ConfigReader, JsonObject } from './config.ts';
import type { ModelFacts } from './model.ts';
import { agreed, firstOf, isSet, withFirstNames } from './spellings.ts';

export interface MambaConfig extends ModelFacts {
  readonly contextLength: undefined;
  readonly dInner: number;
  readonly dState: number;
  readonly dConv: number;
  readonly dtRank: number;
  readonly bias: boolean;
  readonly convBias: boolean;
  readonly eps: number;
  /** Epsilon of FalconMamba's norms of dt, B and C; undefined without them. */
  readonly mixerEps: number | undefined;
  readonly tied: boolean;
}

/** Names of the same key: [state-spaces, transformers]. */
const SPELLINGS = [
  ['d_model', 'hidden_size'],
  ['n_layer', 'num_hidden_layers'],
  ['d_inner', 'intermediate_size'],
  ['tie_embeddings', 'tie_word_embeddings'],
] as const;

/** The same for keys of ssm_cfg. */
const SSM_SPELLINGS = [
  ['d_state', 'state_size'],
  ['d_conv', 'conv_kernel'],
  ['expand', 'expand'],
  ['dt_rank', 'time_step_rank'],
  ['bias', 'use_bias'],
  ['conv_bias', 'use_conv_bias'],
] as const;

/** Keys of ssm_cfg for initialisation or the choice of a kernel. */
const SSM_WITHOUT_EFFECT = new Set(['dt_min', 'dt_max', 'dt_init', 'dt_scale', 'dt_init_floor', 'use_fast_path']);

/**
 * Translates a config.json to transformers' keys. If these are present they are used, as in transformers, since the tensors have their
 * shapes. In a file of state-spaces, two names of a key with different values are an error.
 */
export function translateMamba(json: JsonObject): JsonObject {
  const original = !isSet(json.hidden_size) && isSet(json.d_model);
  const ssm = json.ssm_cfg ?? {};
  if (typeof ssm !== 'object' || Array.isArray(ssm))
    throw new CheckpointError(`config.json has 'ssm_cfg': ${quote(ssm)}, wanted an object.`);
  checkPure(json);
  const words: Record<string, unknown> = { ...withFirstNames(json, SPELLINGS, original ? agreed : firstOf) };
  if (isSet(json.d_inner))
    words.intermediate_size = agreed(['intermediate_size', json.intermediate_size], ['d_inner', json.d_inner]);
  for (const [from, to] of SSM_SPELLINGS) {
    const choose = original ? agreed : firstOf;
    words[to] = choose([to, words[to]], [`ssm_cfg.${from}`, (ssm as JsonObject)[from]]);
  }
  for (const key of ['ssm_cfg', 'attn_layer_idx', 'attn_cfg', 'd_intermediate']) delete words[key];
  for (const [key, value] of Object.entries(ssm)) {
    const known = SSM_WITHOUT_EFFECT.has(key) || SSM_SPELLINGS.some(([from]) => from === key);
    if (!known) words[`ssm_cfg.${key}`] = value; // read below, or reported as unknown
  }
  checkInner(json, words);
  if (!original) return words;
  return { ...words, model_type: 'mamba', vocab_size: paddedVocabulary(json) };
}

/** Throws for state-spaces' hybrids, whose blocks have attention or a feed-forward network. */
function checkPure({ attn_layer_idx, d_intermediate }: JsonObject): void {
  if (isSet(attn_layer_idx) && !(Array.isArray(attn_layer_idx) && attn_layer_idx.length === 0)) {
    throw new CheckpointError(
      `config.json has 'attn_layer_idx': ${quote(attn_layer_idx)}, wanted []: hybrids with attention layers are not supported.`,
    );
  }
  if (isSet(d_intermediate) && d_intermediate !== 0) {
    throw new CheckpointError(
      `config.json has 'd_intermediate': ${quote(d_intermediate)}, wanted 0: Mamba with feed-forward networks is not supported.`,
    );
  }
}

/** `d_inner` must agree with `expand`, unless there is transformers' `intermediate_size`, which takes precedence. */
function checkInner({ d_inner, intermediate_size }: JsonObject, { expand, hidden_size }: JsonObject): void {
  if (!isSet(d_inner) || isSet(intermediate_size) || typeof expand !== 'number' || typeof hidden_size !== 'number')
    return;
  if (d_inner === Math.floor(expand * hidden_size)) return;
  throw new CheckpointError(
    `config.json has 'd_inner': ${quote(d_inner)} and 'expand': ${expand}, which makes ${expand * hidden_size} of a width of ` +
      `${hidden_size}: remove the wrong one.`,
  );
}

/** state-spaces pads the vocabulary when it creates a model. */
function paddedVocabulary({ vocab_size = 50277, pad_vocab_size_multiple }: JsonObject): unknown {
  const padTo = pad_vocab_size_multiple ?? 8;
  if (typeof padTo !== 'number' || !Number.isInteger(padTo) || padTo < 1) {
    throw new CheckpointError(
      `config.json has 'pad_vocab_size_multiple': ${quote(padTo)}, wanted a whole number from 1 on.`,
    );
  }
  return typeof vocab_size === 'number' ? Math.ceil(vocab_size / padTo) * padTo : vocab_size;
}

/** Reads transformers' keys. The defaults are those of its MambaConfig and FalconMambaConfig. */
export function configureMamba(json: ConfigReader): MambaConfig {
  readActivation(json, ['silu']);
  json.choice('rms_norm', [true]);
  json.choice('ssm_cfg.layer', ['Mamba1']);
  json.ignore('pad_vocab_size_multiple'); // of the other dialect; already applied in `translateMamba`
  json.ignore('residual_in_fp32', 'fused_add_norm'); // the residual stream is always f32 here
  json.ignore('use_mambapy', 'use_falcon_mambapy', 'use_associative_scan'); // choices between kernels
  json.ignore('rescale_prenorm_residual', 'time_step_min', 'time_step_max', 'time_step_floor', 'time_step_scale');
  json.ignore('time_step_init_scheme'); // initialisation only
  const dModel = json.count('hidden_size', 768);
  const expanded = Math.floor(json.positive('expand', 2) * dModel);
  const automatic = json.is('time_step_rank', 'auto');
  return {
    dModel,
    nLayers: json.count('num_hidden_layers', 32),
    vocabSize: json.count('vocab_size', 50280),
    contextLength: undefined,
    dInner: json.count('intermediate_size', expanded),
    dState: json.count('state_size', 16),
    dConv: json.count('conv_kernel', 4),
    dtRank: automatic ? Math.ceil(dModel / 16) : json.count('time_step_rank', Math.ceil(dModel / 16)),
    bias: json.flag('use_bias', false),
    convBias: json.flag('use_conv_bias', true),
    eps: json.positive('layer_norm_epsilon', 1e-5, { zero: true }),
    mixerEps: json.is('model_type', 'falcon_mamba') ? json.positive('mixer_rms_eps', 1e-6, { zero: true }) : undefined,
    tied: json.flag('tie_word_embeddings', true),
  };
}

/** Epsilon of the norms of state-spaces' models, which their configuration does not have. */
const ORIGINAL_EPS = 1e-5;

/** The keys of state-spaces' MambaConfig (models/config_mamba.py); undefined for what it does not have: FalconMamba, another eps, part of a width. */
export function originalMamba(c: MambaConfig): JsonObject | undefined {
  const expand = c.dInner / c.dModel;
  if (c.mixerEps !== undefined || c.eps !== ORIGINAL_EPS || !Number.isInteger(expand)) return undefined;
  return {
    d_model: c.dModel,
    n_layer: c.nLayers,
    vocab_size: c.vocabSize,
    ssm_cfg: { d_state: c.dState, d_conv: c.dConv, expand, dt_rank: c.dtRank, bias: c.bias, conv_bias: c.convBias },
    rms_norm: true,
    residual_in_fp32: true,
    fused_add_norm: true,
    pad_vocab_size_multiple: 1,
    tie_embeddings: c.tied,
  };
}
