/** Sums in the order of the references, so that results agree in all digits. */

/** Python's `sum`, up to 3.11. */
export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const mean = (values: readonly number[]): number => sum(values) / values.length;

/** The sum of numpy (umath/loops_utils.h, pairwise sum): eight running sums for up to 128 numbers, halves of longer lists. */
export function pairwiseSum(values: readonly number[], from = 0, count = values.length): number {
  const at = (i: number): number => values[from + i] as number;
  if (count < 8) {
    let total = 0;
    for (let i = 0; i < count; i++) total += at(i);
    return total;
  }
  if (count > 128) {
    const half = Math.floor(count / 2);
    const first = half - (half % 8);
    return pairwiseSum(values, from, first) + pairwiseSum(values, from + first, count - first);
  }
  const sums = Array.from({ length: 8 }, (_, i) => at(i));
  const whole = count - (count % 8);
  for (let i = 8; i < whole; i++) sums[i % 8] = (sums[i % 8] as number) + at(i);
  const [a, b, c, d, e, f, g, h] = sums as [number, number, number, number, number, number, number, number];
  let total = a + b + (c + d) + (e + f + (g + h));
  for (let i = whole; i < count; i++) total += at(i);
  return total;
}

/** Standard deviation of a sample. */
export function sampleDeviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(sum(values.map((value) => (value - middle) * (value - middle))) / (values.length - 1));
}
