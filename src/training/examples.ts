/** Rows of token ids as the examples of a pass: a row without its last id is read, and its targets are the ids after each. */
import type { Examples } from './pass.ts';

export interface Row {
  /** At least two. */
  readonly ids: ArrayLike<number>;
  /** [ids.length - 1]: 1 where the next id counts as a target, 0 where it does not; absent: all count. */
  readonly targetsMask?: ArrayLike<number> | undefined;
}

export function examplesOf(rows: readonly Row[]): Examples {
  const sequences = rows.map(({ ids }) => Array.prototype.slice.call(ids, 0, ids.length - 1) as number[]);
  const targets = rows.flatMap(({ ids, targetsMask }) =>
    Array.from({ length: ids.length - 1 }, (_, i) => (targetsMask?.[i] === 0 ? -1 : (ids[i + 1] as number))),
  );
  return { sequences, targets: Int32Array.from(targets) };
}
