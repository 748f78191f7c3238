/** The norm before the head as the linear map that it is for one vector: its scale, and for LayerNorm its mean, are those of that vector. */
import type { ResidualStream } from '../models/model.ts';

export interface FixedNorm {
  /** What the vector is multiplied with. */
  readonly scale: number;
  /** What the norm makes of a part of the vector: value[M] -> [M]. Parts that sum to the vector become parts that sum to its norm. */
  through(value: ArrayLike<number>): Float32Array;
  /** The other way: the direction whose product with a part is that of `direction` with `through(part)`. */
  back(direction: ArrayLike<number>): Float64Array;
}

/** `x`: the vector [M]; `gain`: [M]. */
export function fixedNorm(
  { kind, eps }: ResidualStream['norm'],
  x: ArrayLike<number>,
  gain: ArrayLike<number>,
): FixedNorm {
  const centre = (value: ArrayLike<number>) => (kind === 'layer' ? meanOf(value) : 0);
  const mean = centre(x);
  let squares = 0;
  for (let m = 0; m < x.length; m++) squares += ((x[m] as number) - mean) ** 2;
  const scale = 1 / Math.sqrt(squares / x.length + eps);
  return {
    scale,
    through(value) {
      const middle = centre(value);
      return Float32Array.from(
        { length: x.length },
        (_, m) => scale * ((value[m] as number) - middle) * (gain[m] as number),
      );
    },
    back(direction) {
      const weighed = Float64Array.from(
        { length: x.length },
        (_, m) => scale * (direction[m] as number) * (gain[m] as number),
      );
      const middle = centre(weighed);
      return weighed.map((one) => one - middle);
    },
  };
}

function meanOf(value: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < value.length; i++) sum += value[i] as number;
  return sum / value.length;
}
