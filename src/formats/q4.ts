/**
 * 4-bit blocks: a scale and 16 bytes; byte i holds the codes of columns i, in its low half, and i + 16, each from -8 to 7 with 8 added.
 */

import { blockFormat } from './blocks.ts';
import { roundHalfEven, TINY, toBf16 } from './numbers.ts';

/** The codes tried for the number of largest magnitude in a block; the best one is kept. */
const EXTREMES = [-8.5, -8, -7.75, -7.5, -7.25, -7, -6.5];

const { fround } = Math;

/** Sums four lanes in the order of the kernels. */
const sumLanes = ([a = 0, b = 0, c = 0, d = 0]: Float32Array): number => fround(fround(a + c) + fround(b + d));

export const q4 = blockFormat({
  name: 'q4',
  exactness: 'rounded to 16 steps, of the scale with the least squared error of 32 numbers',
  codeBytes: 16,
  /** Tries several scales, fits each to its codes by least squares, and keeps the one with the smallest squared error. */
  quantize(x, codes) {
    const [largest, smallest] = [Math.max(...x), Math.min(...x)];
    const extreme = largest >= -smallest ? largest : smallest;
    if (!(Math.abs(extreme) >= TINY)) return 0;
    let best = -1;
    let scale = 0;
    for (const target of EXTREMES) {
      const inverse = fround(target / extreme);
      const [products, squares] = [new Float32Array(4), new Float32Array(4)]; // as four lanes add them up
      const trial = Array.from(x, (value) => Math.min(7, Math.max(-8, roundHalfEven(fround(value * inverse)))));
      trial.forEach((code, k) => {
        products[k & 3] = fround((products[k & 3] as number) + fround((x[k] as number) * code));
        squares[k & 3] = (squares[k & 3] as number) + code * code;
      });
      const product = sumLanes(products);
      const square = sumLanes(squares);
      const explained = fround(fround(product * product) / square);
      if (explained <= best) continue;
      best = explained;
      scale = toBf16(fround(product / square));
      codes.set(trial);
    }
    return scale;
  },
  store(codes, bytes) {
    for (let i = 0; i < 16; i++) bytes[i] = (8 + (codes[i] as number)) | ((8 + (codes[i + 16] as number)) << 4);
  },
  load(bytes, codes) {
    for (let i = 0; i < 16; i++) {
      codes[i] = ((bytes[i] as number) & 15) - 8;
      codes[i + 16] = ((bytes[i] as number) >> 4) - 8;
    }
  },
});
