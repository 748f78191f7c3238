/** Rows of token ids as the examples of a pass: a row without its last id is read, and its targets are the ids after each. */
import type { TrainingRow } from '../data/row.ts';
import type { Examples } from './pass.ts';

export function examplesOf(rows: readonly TrainingRow[]): Examples {
  const sequences = rows.map(({ ids }) => Array.prototype.slice.call(ids, 0, ids.length - 1) as number[]);
  const targets = rows.flatMap(({ ids, targetsMask }) =>
    Array.from({ length: ids.length - 1 }, (_, i) => (targetsMask?.[i] === 0 ? -1 : (ids[i + 1] as number))),
  );
  return { sequences, targets: Int32Array.from(targets) };
}
