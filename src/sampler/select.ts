/** Selects the largest of many numbers without sorting: quickselect (Hoare, CACM 1961), by count or by weight. */

export interface Threshold {
  /** The smallest of the selected numbers. */
  readonly value: number;
  /** Count or sum of the numbers above it. */
  readonly above: number;
}

/**
 * The largest t such that the numbers >= t reach `target`: as a count, or as their sum (numbers then >= 0). When even all of them
 * do not reach it, t is the smallest. Reorders `numbers`. Expected time is linear, whatever the order or the number of ties.
 */
export function thresholdOf(numbers: Float64Array, target: number, measure: 'count' | 'sum'): Threshold {
  const counting = measure === 'count';
  let from = 0;
  let to = numbers.length; // exclusive
  let above = 0;
  let lcg = 1; // pseudo-random pivots, the same in every run, so that no order of the input is slow
  for (;;) {
    lcg = (Math.imul(lcg, 1664525) + 1013904223) >>> 0;
    const pivot = numbers[from + Math.floor((lcg / 2 ** 32) * (to - from))] as number;
    // [from, greater) > pivot, [greater, i) = pivot, [less, to) < pivot
    let greater = from;
    let less = to;
    let sum = 0;
    for (let i = from; i < less; ) {
      const x = numbers[i] as number;
      if (x > pivot) {
        sum += x;
        numbers[i++] = numbers[greater] as number;
        numbers[greater++] = x;
      } else if (x < pivot) {
        numbers[i] = numbers[--less] as number;
        numbers[less] = x;
      } else i++;
    }
    const more = counting ? greater - from : sum;
    const equal = counting ? less - greater : (less - greater) * pivot;
    if (greater > from && above + more >= target) to = greater;
    else if (less === to || above + more + equal >= target) return { value: pivot, above: above + more };
    else {
      above += more + equal;
      from = less;
    }
  }
}
