/** Checks of pools of keys and values, whose rows are in pages (src/base/pages.ts), shared by the attention ops. */
import { ShapeError } from '../base/errors.ts';
import { PAGE_ROWS, pagesFor } from '../base/pages.ts';
import { size, type Tensor } from '../base/tensor.ts';
import { KEY_VALUE_DTYPE } from '../formats/key-values.ts';
import { bytesOfRows } from './bytes.ts';
import { axis, expect } from './check.ts';

export const KEY_VALUE_DTYPES = Object.values(KEY_VALUE_DTYPE);

/** Bytes of all inputs; of the inputs `pools` only the rows of the pages in `tables`. */
export function bytesOfPages(inputs: readonly Tensor[], pools: readonly number[], tables: number): number {
  const rows = PAGE_ROWS * size(inputs[tables]?.shape ?? []);
  return bytesOfRows(inputs, Object.fromEntries(pools.map((i) => [i, rows])));
}

/** Checks that a pool consists of whole pages. */
export function checkPool(op: string, pool: Tensor): void {
  const count = axis(op, pool, 0);
  if (count % PAGE_ROWS !== 0)
    throw new ShapeError(op, `a pool came with ${count} rows, wanted a multiple of ${PAGE_ROWS}`);
}

/** Checks factors of probabilities, gains[B, C, H]: C must not be less than the number of keys. */
export function checkGains(op: string, gains: Tensor | undefined, sequences: number, heads: number, keys = 0): void {
  if (!gains) return;
  expect(op, gains, [sequences, -1, heads], 'gains[B, C, H]');
  const capacity = axis(op, gains, 1);
  if (capacity < keys) throw new ShapeError(op, `gains came for ${capacity} keys, wanted those of ${keys}`);
}

/** Checks that a table of one row has pages for `keys` keys. */
export function checkTable(op: string, table: Tensor, keys: number): void {
  expect(op, table, [1, -1], 'table[1, P]', ['i32']);
  if (pagesFor(keys) > axis(op, table, 1))
    throw new ShapeError(op, `${keys} keys do not fit into ${axis(op, table, 1)} pages`);
}
