/**
 * Inverse frequencies of rotary positions, scaled as transformers does it (modeling_rope_utils.py). Every step is rounded to f32
 * where torch computes in f32, so that long positions round as there.
 */
import { CheckpointError } from '../base/errors.ts';
import { log, pow } from '../base/math.ts';
import type { RopeConfig, RopeScaling } from './rope-config.ts';

export interface RopeFrequencies {
  /** Radians per position for the token at this position, [D/2]. */
  at(position: number): Float32Array;
  /** Factor of cosines and sines. */
  readonly attentionFactor: number;
}

const { fround } = Math;

/** Throws CheckpointError when frequencies are not finite. */
export function ropeFrequencies({ theta, ropeScaling }: RopeConfig, dHead: number): RopeFrequencies {
  const frequencies = scaled(theta, ropeScaling, dHead);
  const noExponent = ropeScaling.type === 'dynamic' && dHead === 2; // the exponent of the growing base is D / (D - 2)
  if (noExponent || frequencies.some((x) => !Number.isFinite(x))) {
    throw new CheckpointError(
      `config.json asks for rotary positions (rope_theta ${theta}, ${JSON.stringify(ropeScaling)}) whose frequencies are no finite ` +
        `numbers for heads ${dHead} wide.`,
    );
  }
  const attentionFactor = 'attentionFactor' in ropeScaling ? fround(ropeScaling.attentionFactor) : 1;
  if (ropeScaling.type !== 'dynamic') return { at: () => frequencies, attentionFactor };
  const { trained } = ropeScaling;
  const at = (position: number) =>
    position < trained ? frequencies : unscaled(grownBase(theta, ropeScaling, dHead, position + 1), dHead);
  return { at, attentionFactor };
}

function scaled(theta: number, scaling: RopeScaling, dHead: number): Float32Array {
  switch (scaling.type) {
    case 'linear':
      return unscaled(theta, dHead).map((x) => x / fround(scaling.factor));
    case 'llama3':
      return unscaled(theta, dHead).map((x) => blended(x, scaling));
    case 'yarn':
      return ramped(theta, dHead, scaling);
    case 'longrope':
      return stretchedEach(theta, dHead, scaling);
    case 'proportional':
      return unscaled(theta, dHead).map((x, i) =>
        i < Math.floor((scaling.share * dHead) / 2) ? x / fround(scaling.factor) : 0,
      );
    case 'dynamic':
      return unscaled(grownBase(theta, scaling, dHead, scaling.trained), dHead);
    default:
      return unscaled(theta, dHead);
  }
}

/** theta^(2 i / D) for i from 0 to D/2 - 1; the frequencies are their reciprocals. */
const powers = (theta: number, dHead: number): Float32Array =>
  Float32Array.from({ length: dHead / 2 }, (_, i) => pow(fround(theta), fround((2 * i) / dHead)));

const unscaled = (theta: number, dHead: number): Float32Array => powers(theta, dHead).map((x) => 1 / x);

/**
 * The base for a text of `length` tokens, at least `trained`. transformers computes it in every pass for the longest position in it, and
 * does not change earlier keys. Here each token is rotated with the base for the text that ends with it. This is what transformers computes
 * token by token with a KV cache, and does not depend on how a prompt is divided into steps.
 */
function grownBase(
  theta: number,
  { factor, trained }: RopeScaling & { type: 'dynamic' },
  dHead: number,
  length: number,
): number {
  const exponent = dHead / (dHead - 2);
  if (length <= trained) return theta * pow((factor * trained) / trained - (factor - 1), exponent); // transformers computes this in f64
  const growth = fround(fround(fround(fround(factor) * length) / trained) - fround(factor - 1));
  return fround(fround(theta) * fround(pow(growth, fround(exponent))));
}

function stretchedEach(theta: number, dHead: number, { factors }: RopeScaling & { type: 'longrope' }): Float32Array {
  if (factors.length !== dHead / 2) {
    throw new CheckpointError(
      `config.json has ${factors.length} numbers in the short_factor of its rotary positions, wanted ${dHead / 2} for heads ${dHead} wide.`,
    );
  }
  return powers(theta, dHead).map((x, i) => 1 / fround(fround(factors[i] as number) * x));
}

function blended(x: number, c: RopeScaling & { type: 'llama3' }): number {
  const { factor, lowFrequency, highFrequency, trained } = c;
  const wavelength = fround(fround(1 / x) * fround(2 * Math.PI));
  if (wavelength > fround(trained / lowFrequency)) return fround(x / fround(factor));
  if (wavelength < fround(trained / highFrequency)) return x;
  const turns = fround(fround(1 / wavelength) * trained);
  const kept = fround(fround(turns - fround(lowFrequency)) / fround(highFrequency - lowFrequency));
  const slowed = fround(fround(fround(1 - kept) * x) / fround(factor));
  return fround(slowed + fround(kept * x));
}

function ramped(theta: number, dHead: number, c: RopeScaling & { type: 'yarn' }): Float32Array {
  const at = (turns: number) => (dHead * log(c.trained / (turns * 2 * Math.PI))) / (2 * log(theta));
  const [fast, slow] = [at(c.betaFast), at(c.betaSlow)];
  const low = Math.max(c.truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(c.truncate ? Math.ceil(slow) : slow, dHead - 1);
  const width = fround(low === high ? high + 0.001 - low : high - low);
  return powers(theta, dHead).map((x, i) => {
    const ramp = Math.min(1, Math.max(0, fround(fround(i - fround(low)) / width)));
    const kept = fround(1 - ramp);
    const slowed = fround(1 / fround(fround(c.factor) * x));
    return fround(fround(slowed * fround(1 - kept)) + fround(fround(1 / x) * kept));
  });
}
