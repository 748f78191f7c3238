/** Divergence of rows of logits, in pieces of one row. Words: y, wanted, logits, n, V. */
import { address, take, word } from './command';
import { exp4, loadEnd } from './lanes';
import { addTo, largest, logOf, sumExp } from './summarize-logits';

export function divergence(args: usize, part: u32, parts: u32): void {
  const count: usize = word(args, 4);
  for (let n = take(args); n < word(args, 3); n = take(args)) {
    const before = address(args, 1) + n * (count << 2);
    const after = address(args, 2) + n * (count << 2);
    const most = largest(before, count);
    const total = sumExp(before, count, most);
    const mostAfter = largest(after, count);
    const totalAfter = sumExp(after, count, mostAfter);
    const shift = f32x4.splat(most);
    // ln p - ln q = (wanted - logits) - constant
    const constant = f32x4.splat(<f32>(<f64>most - <f64>mostAfter + logOf(total) - logOf(totalAfter)));
    let sum = f64x2.splat(0);
    for (let i: usize = 0; i < count; i += 4) {
      const at = i << 2;
      const rest = count - i;
      const x = rest >= 4 ? v128.load(before + at) : loadEnd(before + at, rest);
      const z = rest >= 4 ? v128.load(after + at) : loadEnd(after + at, rest);
      let term = f32x4.mul(exp4(f32x4.sub(x, shift)), f32x4.sub(f32x4.sub(x, z), constant));
      if (rest < 4) term = v128.and(term, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(<i32>rest)));
      sum = addTo(sum, term);
    }
    const y = address(args, 0) + (n << 2);
    store<f32>(y, <f32>((f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)) / total));
  }
}
