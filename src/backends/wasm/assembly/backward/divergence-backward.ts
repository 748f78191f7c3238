/** Backward of the divergence of rows of logits, in pieces of one row. Words: dlogits, wanted, logits, dy, n, V. */
import { address, take, word } from '../command';
import { exp4, loadEnd, storeEnd } from '../lanes';
import { largest, sumExp } from '../summarize-logits';

export function divergenceBackward(args: usize, part: u32, parts: u32): void {
  const count: usize = word(args, 5);
  for (let n = take(args); n < word(args, 4); n = take(args)) {
    const to = address(args, 0) + n * (count << 2);
    const before = address(args, 1) + n * (count << 2);
    const after = address(args, 2) + n * (count << 2);
    const dy = <f64>load<f32>(address(args, 3) + (n << 2));
    const most = largest(before, count);
    const mostAfter = largest(after, count);
    const factor = f32x4.splat(<f32>(dy / sumExp(before, count, most)));
    const factorAfter = f32x4.splat(<f32>(dy / sumExp(after, count, mostAfter)));
    const shift = f32x4.splat(most);
    const shiftAfter = f32x4.splat(mostAfter);
    for (let i: usize = 0; i < count; i += 4) {
      const at = i << 2;
      const rest = count - i;
      const x = rest >= 4 ? v128.load(before + at) : loadEnd(before + at, rest);
      const z = rest >= 4 ? v128.load(after + at) : loadEnd(after + at, rest);
      const p = f32x4.mul(factor, exp4(f32x4.sub(x, shift)));
      const q = f32x4.mul(factorAfter, exp4(f32x4.sub(z, shiftAfter)));
      if (rest >= 4) v128.store(to + at, f32x4.sub(q, p));
      else storeEnd(to + at, f32x4.sub(q, p), rest);
    }
  }
}
