/** Rows out of token ids: as given, as windows of a long run of tokens, or one for each document. */
import type { RowSource, TrainingRow } from './row.ts';
import type { TokenSlice, TokenStore } from './token-store.ts';
import { type WindowShape, Windows } from './windows.ts';

/** Rows that are given as ids. */
export const givenRows = (rows: readonly (readonly number[])[]): RowSource => ({
  count: rows.length,
  read: async (index) => ({ ids: Uint32Array.from(rows[index] as readonly number[]) }),
});

/** Targets are all ids but the first. */
const rowOf = ({ ids, mask }: TokenSlice): TrainingRow => ({ ids, targetsMask: mask?.subarray(1) });

export interface WindowRowsOptions extends WindowShape {
  /** Do rows run on from one file into the next? */
  readonly join: 'all' | 'file';
  /** What rows are filled up with where `tail` is `pad`. */
  readonly padId: number;
}

export function windowRows(store: TokenStore, options: WindowRowsOptions): RowSource {
  const { join, window, padId, tail } = options;
  const windows = new Windows(join === 'file' ? store.fileEnds : [store.tokens], options);
  return {
    count: windows.count,
    async read(index) {
      const { start, length } = windows.at(index);
      const row = rowOf(await store.read(start, length));
      return tail === 'pad' && length < window ? padded(row, window, padId) : row;
    },
  };
}

function padded({ ids, targetsMask }: TrainingRow, window: number, padId: number): TrainingRow {
  const all = new Uint32Array(window).fill(padId);
  all.set(ids);
  const mask = new Uint8Array(window - 1);
  mask.set(targetsMask ?? new Uint8Array(ids.length - 1).fill(1));
  return { ids: all, targetsMask: mask };
}

/** One row for each document, of at most `window` ids: what is beyond is left out. Documents of one id are left out. */
export async function documentRows(store: TokenStore, window: number): Promise<RowSource> {
  const ends = await store.documentEnds();
  const used = Float64Array.from(ends.keys()).filter((i) => lengthOf(ends, i) > 1);
  return {
    count: used.length,
    async read(index) {
      const document = used[index] as number;
      const length = lengthOf(ends, document);
      return rowOf(await store.read((ends[document] as number) - length, Math.min(length, window)));
    },
  };
}

const lengthOf = (ends: Float64Array, i: number): number => (ends[i] as number) - (i > 0 ? (ends[i - 1] as number) : 0);
