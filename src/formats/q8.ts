/**
 * 8-bit blocks: a scale and 32 signed bytes, from -63 to 63. With seven bits, one instruction can multiply them with signed bytes on every
 * processor; an eighth bit would gain less accuracy than int8 inputs lose.
 */

import { blockFormat } from './blocks.ts';
import { fromBf16, roundHalfEven, TINY } from './numbers.ts';

const MOST = 63;

const { fround } = Math;
const word = new Float32Array(1);
const bits = new Uint32Array(word.buffer);

/** Rounds up to bfloat16, for numbers above zero. */
function bf16Above(x: number): number {
  word[0] = x;
  return ((bits[0] as number) + 0xffff) >>> 16;
}

export const q8 = blockFormat({
  name: 'q8',
  exactness: 'rounded to 127 steps between the largest of 32 numbers and its negative',
  codeBytes: 32,
  quantize(x, codes) {
    const extreme = Math.max(...x.map(Math.abs));
    if (!(extreme >= TINY)) return 0;
    const scale = bf16Above(fround(extreme / MOST));
    const inverse = fround(1 / fromBf16(scale));
    for (let k = 0; k < x.length; k++)
      codes[k] = Math.min(MOST, Math.max(-MOST, roundHalfEven(fround((x[k] as number) * inverse))));
    return scale;
  },
  store: (codes, bytes) => bytes.set(codes),
  load: (bytes, codes) => codes.set(bytes),
});
