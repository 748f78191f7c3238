/** Words as Python's `split` makes them, and counts of runs of pieces. */
import { SPACE, strip } from '../../tasks/python-methods.ts';

const SPACES = new RegExp(`${SPACE}+`);

export function splitWords(text: string): string[] {
  const inner = strip(text);
  return inner === '' ? [] : inner.split(SPACES);
}

/** How often each run of `length` pieces is there. Pieces may not contain `joint`. */
export function ngrams(pieces: readonly string[], length: number, joint = ' '): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + length <= pieces.length; i++) {
    const key = pieces.slice(i, i + length).join(joint);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

export const countOf = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((total, count) => total + count, 0);

/** How many runs both have. */
export function common(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const [key, count] of a) total += Math.min(count, b.get(key) ?? 0);
  return total;
}

/** Sums of the places of lists of the same length. */
export function columnSums(rows: readonly (readonly number[])[]): number[] {
  const [first = [], ...others] = rows;
  return first.map((value, i) => others.reduce((total, row) => total + (row[i] as number), value));
}
