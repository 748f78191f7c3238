/** Losses of rows of logits, in pieces of one row. Words: y, logits, targets, n, V. */
import { address, take, word } from './command';
import { largest, logOf, sumExp } from './summarize-logits';

export function crossEntropy(args: usize, part: u32, parts: u32): void {
  const count: usize = word(args, 4);
  for (let n = take(args); n < word(args, 3); n = take(args)) {
    const x = address(args, 1) + n * (count << 2);
    const target = load<i32>(address(args, 2) + (n << 2));
    const most = largest(x, count);
    const total = <f64>most + logOf(sumExp(x, count, most));
    const y = address(args, 0) + (n << 3);
    store<f32>(y, target < 0 ? 0 : <f32>(total - <f64>load<f32>(x + (<usize>target << 2))));
    store<f32>(y, <f32>(total * total), 4);
  }
}
