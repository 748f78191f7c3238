/** Backward of the losses of rows of logits, in pieces of one row. Words: dlogits, logits, targets, dy, n, V. */
import { address, take, word } from '../command';
import { exp4, loadEnd, storeEnd } from '../lanes';
import { largest, logOf, sumExp } from '../summarize-logits';

export function crossEntropyBackward(args: usize, part: u32, parts: u32): void {
  const count: usize = word(args, 5);
  for (let n = take(args); n < word(args, 4); n = take(args)) {
    const to = address(args, 0) + n * (count << 2);
    const x = address(args, 1) + n * (count << 2);
    const target = load<i32>(address(args, 2) + (n << 2));
    const dy = address(args, 3) + (n << 3);
    const ofTarget: f32 = target < 0 ? 0 : load<f32>(dy);
    const most = largest(x, count);
    const sum = sumExp(x, count, most);
    const total = <f64>most + logOf(sum);
    const factor = f32x4.splat(<f32>((<f64>ofTarget + 2 * <f64>load<f32>(dy, 4) * total) / sum));
    const shift = f32x4.splat(most);
    let i: usize = 0;
    for (; i + 8 <= count; i += 8) {
      const at = i << 2;
      const low = f32x4.mul(factor, exp4(f32x4.sub(v128.load(x + at), shift)));
      const high = f32x4.mul(factor, exp4(f32x4.sub(v128.load(x + at, 16), shift)));
      v128.store(to + at, low);
      v128.store(to + at, high, 16);
    }
    for (; i < count; i += 4) {
      const at = i << 2;
      const rest = count - i;
      if (rest >= 4) v128.store(to + at, f32x4.mul(factor, exp4(f32x4.sub(v128.load(x + at), shift))));
      else storeEnd(to + at, f32x4.mul(factor, exp4(f32x4.sub(loadEnd(x + at, rest), shift))), rest);
    }
    if (target >= 0) store<f32>(to + (<usize>target << 2), load<f32>(to + (<usize>target << 2)) - ofTarget);
  }
}
