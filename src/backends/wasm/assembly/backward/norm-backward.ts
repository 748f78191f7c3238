/**
 * Backward of the norms, in pieces of ROWS rows. The gradients of gain and bias are summed up within a piece, and those of the pieces by
 * add-columns.ts. Words: dx, x, gain, dy, T, M, eps, centred, sums for gain [pieces, M], sums for bias [pieces, M].
 */
import { address, real, take, word } from '../command';
import { dot, loadEnd, madd, storeEnd } from '../lanes';
import { squares, sum } from '../norms';

/** encode/backward/norm-backward.ts knows it too. */
const ROWS: u32 = 32;

/** sum (x + shift) gain dy */
function weighted(x: usize, gain: usize, dy: usize, count: usize, shift: f32): f32 {
  const s = f32x4.splat(shift);
  let even = f32x4.splat(0);
  let odd = even;
  let i: usize = 0;
  for (; i + 8 <= count; i += 8) {
    const at = i << 2;
    even = madd(f32x4.add(v128.load(x + at), s), f32x4.mul(v128.load(gain + at), v128.load(dy + at)), even);
    odd = madd(f32x4.add(v128.load(x + at, 16), s), f32x4.mul(v128.load(gain + at, 16), v128.load(dy + at, 16)), odd);
  }
  even = f32x4.add(even, odd);
  let total = f32x4.extract_lane(even, 0) + f32x4.extract_lane(even, 1) + f32x4.extract_lane(even, 2) + f32x4.extract_lane(even, 3);
  for (; i < count; i++) {
    const at = i << 2;
    total += (load<f32>(x + at) + shift) * (load<f32>(gain + at) * load<f32>(dy + at));
  }
  return total;
}

/** Adds to four numbers of a row of sums. */
// @ts-ignore: decorator
@inline
function addTo(sums: usize, x: v128, rest: usize): void {
  if (rest >= 4) v128.store(sums, f32x4.add(v128.load(sums), x));
  else storeEnd(sums, f32x4.add(loadEnd(sums, rest), x), rest);
}

export function normBackward(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 4);
  const count: usize = word(args, 5);
  const bytes = count << 2;
  const gain = address(args, 2);
  const centred = word(args, 7) != 0;
  const pieces = (tokens + ROWS - 1) / ROWS;
  for (let piece = take(args); piece < pieces; piece = take(args)) {
    const gains = address(args, 8) + piece * bytes;
    const biases = centred ? address(args, 9) + piece * bytes : 0;
    memory.fill(gains, 0, bytes);
    if (centred) memory.fill(biases, 0, bytes);
    for (let t = piece * ROWS; t < min(tokens, (piece + 1) * ROWS); t++) {
      const to = address(args, 0) + t * bytes;
      const x = address(args, 1) + t * bytes;
      const dy = address(args, 3) + t * bytes;
      const shift: f32 = centred ? -(sum(x, count) / <f32>count) : 0;
      const factor: f32 = 1 / sqrt<f32>(squares(x, count, shift) / <f32>count + real(args, 6));
      const meanG: f32 = centred ? dot(gain, dy, count) / <f32>count : 0;
      const meanGN = (weighted(x, gain, dy, count, shift) * factor) / <f32>count;
      const s = f32x4.splat(shift);
      const f = f32x4.splat(factor);
      const less = f32x4.splat(meanG);
      const along = f32x4.splat(meanGN);
      for (let i: usize = 0; i < count; i += 4) {
        const at = i << 2;
        const rest = count - i;
        const whole = rest >= 4;
        const n = f32x4.mul(f32x4.add(whole ? v128.load(x + at) : loadEnd(x + at, rest), s), f);
        const d = whole ? v128.load(dy + at) : loadEnd(dy + at, rest);
        const g = f32x4.mul(d, whole ? v128.load(gain + at) : loadEnd(gain + at, rest));
        const dx = f32x4.mul(f32x4.sub(f32x4.sub(g, less), f32x4.mul(n, along)), f);
        if (whole) v128.store(to + at, dx);
        else storeEnd(to + at, dx, rest);
        addTo(gains + at, f32x4.mul(d, n), rest);
        if (centred) addTo(biases + at, d, rest);
      }
    }
  }
}
