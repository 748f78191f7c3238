/**
 * How rotary positions are scaled, read from a config.json as transformers does (modeling_rope_utils.py): `rope_scaling` of
 * transformers 4, with `rope_type` or the older `type` in it, or `rope_parameters` of transformers 5, which holds `rope_theta` too.
 */
import { log } from '../base/math.ts';
import type { ConfigReader } from './config.ts';

export type RopeScaling =
  | { readonly type: 'default' }
  /** Positions divided by `factor` (Position Interpolation, arXiv 2306.15595). */
  | { readonly type: 'linear'; readonly factor: number }
  /** A larger base from `trained` positions on, which grows with the position ("dynamic NTK"). */
  | { readonly type: 'dynamic'; readonly factor: number; readonly trained: number }
  /** Llama 3.1: low frequencies divided by `factor`, high ones kept, those between blended. */
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFrequency: number;
      readonly highFrequency: number;
      readonly trained: number;
    }
  /** YaRN (arXiv 2309.00071): as llama3 with a linear ramp, and cosines and sines multiplied by `attentionFactor`. */
  | {
      readonly type: 'yarn';
      readonly factor: number;
      readonly trained: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly truncate: boolean;
      readonly attentionFactor: number;
    }
  /**
   * LongRoPE (arXiv 2402.13753) as far as models were trained at first: one factor for each frequency. For texts beyond `trained` there are other
   * factors, with which every position of the text must be turned: such texts are not read.
   */
  | {
      readonly type: 'longrope';
      readonly trained: number;
      readonly factors: readonly number[];
      readonly attentionFactor: number;
    }
  /** As linear, with only a share of the frequencies: the rest of a head is not turned. */
  | { readonly type: 'proportional'; readonly factor: number; readonly share: number };

export interface RopeConfig {
  /** Base of the rotary frequencies. */
  readonly theta: number;
  readonly ropeScaling: RopeScaling;
}

/** Positions believed of a model by its scaling factor; the largest real ones are near 10^7. */
const MAX_STRETCHED = 2 ** 26;

const TYPES = ['default', 'linear', 'dynamic', 'llama3', 'yarn', 'longrope', 'proportional'] as const;

/** Keys of a scaling that say nothing to another: transformers passes over them. `finetuned` is a note of YaRN's authors. */
const OF_SOME_TYPE = [
  ...['type', 'finetuned', 'factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings'],
  ...[
    'attention_factor',
    'beta_fast',
    'beta_slow',
    'mscale',
    'mscale_all_dim',
    'truncate',
    'short_factor',
    'long_factor',
  ],
];

/** `maxPositions`: max_position_embeddings. Throws CheckpointError on values that the reference cannot compute with. */
export function readRope(json: ConfigReader, maxPositions: number, defaultTheta = 10000): RopeConfig {
  const older = json.nested('rope_scaling');
  const newer = json.nested('rope_parameters');
  const rope = older && !older.isEmpty ? older : newer; // in this order in transformers too
  const outer = json.positive('rope_theta', defaultTheta);
  const theta = rope ? rope.positive('rope_theta', outer) : outer;
  const outerTrained = json.count('original_max_position_embeddings', maxPositions);
  if (!rope) {
    json.passOver('partial_rotary_factor');
    return { theta, ropeScaling: { type: 'default' } };
  }
  const trained = json.has('original_max_position_embeddings')
    ? outerTrained
    : rope.count('original_max_position_embeddings', maxPositions);
  const ropeScaling = readScaling(rope, maxPositions, trained, json);
  rope.ignore(...OF_SOME_TYPE);
  rope.finish();
  return { theta, ropeScaling };
}

function readScaling(rope: ConfigReader, maxPositions: number, trained: number, json: ConfigReader): RopeScaling {
  const type = rope.choice(rope.has('rope_type') ? 'rope_type' : 'type', TYPES);
  if (type === 'default') {
    for (const where of [json, rope]) where.passOver('partial_rotary_factor'); // whole heads are turned, as in the reference
    return { type };
  }
  const where = rope.has('partial_rotary_factor') ? rope : json;
  const share = where.positive('partial_rotary_factor', 1, { zero: true });
  if (type === 'proportional') return { type, factor: rope.positive('factor', 1), share };
  if (share !== 1) throw where.wrong('partial_rotary_factor', `1 with the type ${type}: these models turn whole heads`);
  if (type === 'yarn') return yarn(rope, maxPositions, trained);
  if (type === 'longrope') return longrope(rope, maxPositions, trained);
  const factor = rope.positive('factor');
  if (type === 'linear') return { type, factor };
  if (type === 'dynamic') return { type, factor, trained: maxPositions };
  const lowFrequency = rope.positive('low_freq_factor');
  const highFrequency = rope.positive('high_freq_factor');
  return { type, factor, lowFrequency, highFrequency, trained };
}

function longrope(rope: ConfigReader, maxPositions: number, trained: number): RopeScaling {
  const factors = rope.numbers('short_factor');
  rope.numbers('long_factor');
  const factor = rope.positive('factor', maxPositions / trained);
  const suggested = factor <= 1 ? 1 : Math.sqrt(1 + log(factor) / log(trained));
  const attentionFactor = rope.positive('attention_factor', suggested, { zero: true });
  return { type: 'longrope', trained, factors, attentionFactor };
}

function yarn(rope: ConfigReader, maxPositions: number, trained: number): RopeScaling {
  const factor = rope.is('factor', null) ? maxPositions / trained : rope.positive('factor');
  const mscale = rope.number('mscale', 0);
  const mscaleAll = rope.number('mscale_all_dim', 0);
  const suggested = mscale && mscaleAll ? strength(factor, mscale) / strength(factor, mscaleAll) : strength(factor, 1);
  const attentionFactor = rope.positive('attention_factor', suggested, { zero: true });
  return {
    type: 'yarn',
    factor,
    trained,
    betaFast: rope.positive('beta_fast', 32, { zero: true }) || 32,
    betaSlow: rope.positive('beta_slow', 1, { zero: true }) || 1,
    truncate: rope.is('truncate', null) ? false : rope.flag('truncate', true),
    attentionFactor,
  };
}

/** Of the attention, by how much positions are stretched (section 3.4 of the paper). */
const strength = (factor: number, mscale: number) => (factor <= 1 ? 1 : 0.1 * mscale * log(factor) + 1);

/**
 * How many positions a model with this scaling reads. `linear`, `dynamic` and `yarn` are given to models whose max_position_embeddings
 * says what they were trained on; `llama3` and `longrope` come with the longer count.
 */
export function stretchedPositions(scaling: RopeScaling, maxPositions: number): number {
  const { type } = scaling;
  if (type === 'longrope') return Math.min(maxPositions, scaling.trained);
  if (type === 'default' || type === 'llama3' || type === 'proportional') return maxPositions;
  const trained = type === 'yarn' ? scaling.trained : maxPositions;
  return Math.max(maxPositions, Math.min(Math.floor(trained * scaling.factor), MAX_STRETCHED));
}
