/** Products of vectors, summed in double precision. */

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** Row `i` of a matrix with rows of `width`; a view. */
export const rowOf = (matrix: Float32Array, i: number, width: number): Float32Array =>
  matrix.subarray(i * width, (i + 1) * width);

/** a . b / (|a| |b|); 0 where a vector is zero. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const lengths = Math.sqrt(dot(a, a) * dot(b, b));
  return lengths > 0 ? dot(a, b) / lengths : 0;
}
