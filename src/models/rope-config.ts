/**
 * Reads how rotary positions are scaled from a config.json, as transformers does (modeling_rope_utils.py): from `rope_scaling` of
 * transformers 4, with `rope_type` or the older `type`, or from `rope_parameters` of transformers 5, which also holds `rope_theta`.
 */
import { log } from '../base/math.ts';
import type { ConfigReader } from './config.ts';

export type RopeScaling =
  | { readonly type: 'default' }
  /** Positions divided by `factor` (Position Interpolation, arXiv 2306.15595). */
  | { readonly type: 'linear'; readonly factor: number }
  /** "Dynamic NTK": beyond `trained` positions, the base grows with the position. */
  | { readonly type: 'dynamic'; readonly factor: number; readonly trained: number }
  /** Llama 3.1: low frequencies are divided by `factor`, high ones kept, and those between interpolated. */
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
   * LongRoPE (arXiv 2402.13753) up to `trained` positions: one factor for each frequency. Longer texts need other factors for all their
   * positions, which is not supported.
   */
  | {
      readonly type: 'longrope';
      readonly trained: number;
      readonly factors: readonly number[];
      readonly attentionFactor: number;
    }
  /** As linear, for a share of the frequencies only: the other dimensions of a head are not rotated. */
  | { readonly type: 'proportional'; readonly factor: number; readonly share: number };

export interface RopeConfig {
  /** Base of the rotary frequencies. */
  readonly theta: number;
  readonly ropeScaling: RopeScaling;
}

/** Upper limit of positions after scaling; the largest real ones are near 10^7. */
const MAX_STRETCHED = 2 ** 26;

const TYPES = ['default', 'linear', 'dynamic', 'llama3', 'yarn', 'longrope', 'proportional'] as const;

/**
 * Keys that have a meaning for some types of scaling only; transformers ignores them for others. `finetuned` is a note of YaRN's authors.
 */
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

/** `maxPositions`: max_position_embeddings. Throws CheckpointError on values with which the reference cannot compute. */
export function readRope(json: ConfigReader, maxPositions: number, defaultTheta = 10000): RopeConfig {
  const older = json.nested('rope_scaling');
  const newer = json.nested('rope_parameters');
  const rope = older && !older.isEmpty ? older : newer; // same order as in transformers
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
    for (const where of [json, rope]) where.passOver('partial_rotary_factor'); // whole heads are rotated, as in the reference
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

/** YaRN's attention factor for a scaling factor of the positions (section 3.4 of the paper). */
const strength = (factor: number, mscale: number) => (factor <= 1 ? 1 : 0.1 * mscale * log(factor) + 1);

/**
 * Positions that a model with this scaling supports. For `linear`, `dynamic` and `yarn`, max_position_embeddings is the length of the
 * training texts, before scaling; for `llama3` and `longrope` it is the extended length.
 */
export function stretchedPositions(scaling: RopeScaling, maxPositions: number): number {
  const { type } = scaling;
  if (type === 'longrope') return Math.min(maxPositions, scaling.trained);
  if (type === 'default' || type === 'llama3' || type === 'proportional') return maxPositions;
  const trained = type === 'yarn' ? scaling.trained : maxPositions;
  return Math.max(maxPositions, Math.min(Math.floor(trained * scaling.factor), MAX_STRETCHED));
}
