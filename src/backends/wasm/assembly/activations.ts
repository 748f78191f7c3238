/**
 * Activations for products with weights in blocks: int8 codes and a scale for every 32 columns, as src/formats/blocks.ts defines them, and with
 * each scale the start value of the sums of its block. DOT is explained in blocks.ts.
 */
import { BLOCK, blocksOf, codeBytes } from './blocks';
import { loadEnd, TINY } from './lanes';

/** Bytes of a token's activations: codes, then for each block its scale and the start value of its sums. */
// @ts-ignore: decorator
@inline
export function tokenBytes(blocks: usize): usize {
  return (blocks * (BLOCK * codeBytes() + 8) + 15) & ~15;
}

// @ts-ignore: decorator
@inline
function absMax(most: v128, x: v128): v128 {
  return f32x4.max(most, f32x4.abs(x));
}

// @ts-ignore: decorator
@inline
function codes4(x: v128, inverse: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(x, inverse)));
}

/**
 * -zero sum x. Where q4 sums up in 16 bits, a lane has half of the columns of a row and begins with half of that: with codes below 16 it ends
 * within 16 bits, wherever it has been.
 */
// @ts-ignore: decorator
@inline
function startOf(sumOfX: i32, narrow: u32): i32 {
  if (DOT == 1 && narrow) return ((-4 * sumOfX) & 0xffff) | ((-4 * sumOfX) << 16);
  return -(narrow ? 8 : 64) * sumOfX;
}

/** Rounds `count` activations to int8 with a scale for every 32; `to` gets the packed input of a token for weights of q8, or with `narrow` of q4. */
export function quantizeToken(to: usize, x: usize, count: usize, narrow: u32): void {
  const blocks = blocksOf(count);
  let scales = to + blocks * BLOCK * codeBytes();
  for (let left = count; left > 0; scales += 8) {
    let x0: v128, x1: v128, x2: v128, x3: v128, x4: v128, x5: v128, x6: v128, x7: v128;
    if (left >= BLOCK) {
      x0 = v128.load(x);
      x1 = v128.load(x, 16);
      x2 = v128.load(x, 32);
      x3 = v128.load(x, 48);
      x4 = v128.load(x, 64);
      x5 = v128.load(x, 80);
      x6 = v128.load(x, 96);
      x7 = v128.load(x, 112);
      left -= BLOCK;
    } else {
      x0 = vectorOf(x, left, 0);
      x1 = vectorOf(x, left, 4);
      x2 = vectorOf(x, left, 8);
      x3 = vectorOf(x, left, 12);
      x4 = vectorOf(x, left, 16);
      x5 = vectorOf(x, left, 20);
      x6 = vectorOf(x, left, 24);
      x7 = vectorOf(x, left, 28);
      left = 0;
    }
    x += 4 * BLOCK;
    let m = absMax(absMax(absMax(f32x4.abs(x0), x1), x2), x3);
    m = absMax(absMax(absMax(absMax(m, x4), x5), x6), x7);
    const most = max(
      max(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1)),
      max(f32x4.extract_lane(m, 2), f32x4.extract_lane(m, 3)),
    );
    const some = most >= TINY;
    const inverse = f32x4.splat(some ? <f32>127 / most : 0);
    const a = i16x8.narrow_i32x4_s(codes4(x0, inverse), codes4(x1, inverse));
    const b = i16x8.narrow_i32x4_s(codes4(x2, inverse), codes4(x3, inverse));
    const c = i16x8.narrow_i32x4_s(codes4(x4, inverse), codes4(x5, inverse));
    const d = i16x8.narrow_i32x4_s(codes4(x6, inverse), codes4(x7, inverse));
    if (DOT == 0) {
      v128.store(to, a);
      v128.store(to, b, 16);
      v128.store(to, c, 32);
      v128.store(to, d, 48);
    } else {
      v128.store(to, i8x16.narrow_i16x8_s(a, b));
      v128.store(to, i8x16.narrow_i16x8_s(c, d), 16);
    }
    to += BLOCK * codeBytes();
    const sum = i32x4.extadd_pairwise_i16x8_s(i16x8.add(i16x8.add(a, b), i16x8.add(c, d)));
    const total =
      i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
    store<f32>(scales, some ? most / 127 : 0);
    store<i32>(scales, startOf(total, narrow), 4);
  }
}

/** Four of the last `left` numbers of a row, from number `i` on; zeros where there are none. */
function vectorOf(x: usize, left: usize, i: usize): v128 {
  if (i >= left) return i32x4.splat(0);
  const at = x + (i << 2);
  return left - i >= 4 ? v128.load(at) : loadEnd(at, left - i);
}
