/** The first principal direction of some vectors, by power iteration. */

const MOST_STEPS = 5000;
/** Of a vector of length 1, between two steps. */
const STILL = 1e-12;

export interface Principal {
  /** Of length 1; it points where the sum of the vectors does. */
  readonly direction: Float64Array;
  /** Share of the vectors' sum of squares that lies along it. */
  readonly share: number;
}

/**
 * The direction v of length 1 for which the sum of (x·v)² is largest: the first right singular vector of the vectors as rows. They are not
 * centred: a difference counts from 0 on. Undefined when all of them are 0.
 */
export function principalDirection(rows: readonly Float64Array[], width: number): Principal | undefined {
  const total = rows.reduce((sum, row) => sum + dot(row, row), 0);
  if (total === 0) return undefined;
  const sum = new Float64Array(width);
  for (const row of rows) accumulate(sum, row, 1);
  let v = unit(begin(sum, rows));
  for (let step = 0; step < MOST_STEPS; step++) {
    const next = new Float64Array(width);
    for (const row of rows) accumulate(next, row, dot(row, v));
    const better = unit(next);
    const moved = 1 - Math.abs(dot(better, v));
    v = better;
    if (moved < STILL) break;
  }
  const along = rows.reduce((squares, row) => squares + dot(row, v) ** 2, 0);
  return { direction: dot(v, sum) < 0 ? v.map((x) => -x) : v, share: along / total };
}

/** Their sum, and a little of each by itself, so that no direction is missing where sums cancel. */
function begin(sum: Float64Array, rows: readonly Float64Array[]): Float64Array {
  const start = sum.slice();
  for (const [i, row] of rows.entries()) accumulate(start, row, 0.1 / (i + 1));
  return start.every((x) => x === 0) ? (rows.find((row) => dot(row, row) > 0) as Float64Array) : start;
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function accumulate(into: Float64Array, row: Float64Array, by: number): void {
  for (let i = 0; i < into.length; i++) (into[i] as number) += by * (row[i] as number);
}

function unit(v: Float64Array): Float64Array {
  const length = Math.sqrt(dot(v, v));
  return v.map((x) => x / length);
}
