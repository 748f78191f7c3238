/**
 * The attention that is hidden in a selective scan (arXiv 2403.01590, section 3; TransformerLens calls it compute_effective_attention). The
 * scan of one channel is y_t = sum over s <= t of alpha(t, s) x_s + d x_t, with
 *   alpha(t, s) = sum_n c_t[n] exp(a[n] (dt_{s+1} + ... + dt_t)) dt_s b_s[n].
 * All sums in double precision.
 */
import { exp } from '../../base/math.ts';

/** Values of one scan, over T tokens. */
export interface ScanInput {
  readonly tokens: number;
  /** [T, E] */
  readonly dt: ArrayLike<number>;
  /** [T, N] */
  readonly b: ArrayLike<number>;
  /** [T, N] */
  readonly c: ArrayLike<number>;
  /** [E, N] */
  readonly a: ArrayLike<number>;
  readonly channels: number;
  readonly states: number;
}

/** exp(a dt) of one channel: [T, N]. */
function decaysOf({ tokens, dt, a, channels, states }: ScanInput, channel: number): Float64Array {
  const decays = new Float64Array(tokens * states);
  for (let t = 0; t < tokens; t++) {
    const step = dt[t * channels + channel] as number;
    for (let n = 0; n < states; n++) decays[t * states + n] = exp((a[channel * states + n] as number) * step);
  }
  return decays;
}

/** alpha(t, s) of one channel, given for each pair s <= t in the order of s. */
export function eachWeight(
  scan: ScanInput,
  channel: number,
  visit: (t: number, s: number, weight: number) => void,
): void {
  const { tokens, dt, b, c, channels, states } = scan;
  const decays = decaysOf(scan, channel);
  const left = new Float64Array(states); // what is left at t of what s wrote
  for (let s = 0; s < tokens; s++) {
    const step = dt[s * channels + channel] as number;
    for (let n = 0; n < states; n++) left[n] = step * (b[s * states + n] as number);
    for (let t = s; t < tokens; t++) {
      let weight = 0;
      for (let n = 0; n < states; n++) {
        if (t > s) left[n] = (left[n] as number) * (decays[t * states + n] as number);
        weight += (c[t * states + n] as number) * (left[n] as number);
      }
      visit(t, s, weight);
    }
  }
}

/** alpha(t, s) of one channel for one t and all s <= t: [t + 1]. */
export function weightsAt(scan: ScanInput, channel: number, t: number): Float64Array {
  const { dt, b, c, a, channels, states } = scan;
  const weights = new Float64Array(t + 1);
  const read = Float64Array.from({ length: states }, (_, n) => c[t * states + n] as number);
  for (let s = t; s >= 0; s--) {
    const step = dt[s * channels + channel] as number;
    let weight = 0;
    for (let n = 0; n < states; n++) {
      weight += (read[n] as number) * (b[s * states + n] as number);
      read[n] = (read[n] as number) * exp((a[channel * states + n] as number) * step);
    }
    weights[s] = step * weight;
  }
  return weights;
}

/** The state of one layer, moved on token by token: [E, N] in double precision. */
export class ScanState {
  readonly h: Float64Array;
  readonly #a: ArrayLike<number>;
  readonly #channels: number;
  readonly #states: number;

  /** `a`: [E, N] */
  constructor(a: ArrayLike<number>, channels: number, states: number) {
    this.#a = a;
    this.#channels = channels;
    this.#states = states;
    this.h = new Float64Array(channels * states);
  }

  /** Reads row `t` of dt[T, E], b[T, N] and x[T, E]; gives the norm of the state after it (Frobenius). */
  step(t: number, dt: ArrayLike<number>, b: ArrayLike<number>, x: ArrayLike<number>): number {
    let squares = 0;
    for (let e = 0; e < this.#channels; e++) {
      const step = dt[t * this.#channels + e] as number;
      const written = step * (x[t * this.#channels + e] as number);
      for (let n = 0; n < this.#states; n++) {
        const i = e * this.#states + n;
        const kept = exp((this.#a[i] as number) * step) * (this.h[i] as number);
        const h = kept + written * (b[t * this.#states + n] as number);
        this.h[i] = h;
        squares += h * h;
      }
    }
    return Math.sqrt(squares);
  }
}
