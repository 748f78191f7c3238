/**
 * The layout in which kernels read matrices of blocks: panels of 16 rows side by side (assembly/blocks.ts). A panel takes as many bytes as 16 rows
 * in the portable layout, so these can be read to their place and reordered there. A matrix is padded to whole panels.
 */

import { byteSize, type ElementType, isPacked, type Shape, size, type Tensor } from '../../base/tensor.ts';
import { BLOCK_COLUMNS } from '../../formats/blocks.ts';
import { i8Rows } from '../../formats/i8-rows.ts';
import { q4 } from '../../formats/q4.ts';
import { q8 } from '../../formats/q8.ts';
import { ternary } from '../../formats/ternary.ts';

export const PANEL_ROWS = 16;

/** Do codes take half a byte? */
const NARROW: ReadonlyMap<ElementType, boolean> = new Map<ElementType, boolean>([
  [q8, false],
  [q4, true],
]);

/** Packed formats that kernels read as they are stored. */
const AS_STORED: readonly ElementType[] = [ternary, i8Rows];

/** Are there kernels for tensors of this type? */
export const isComputed = (type: ElementType): boolean => !isPacked(type) || inPanels(type) || AS_STORED.includes(type);

export const inPanels = (type: ElementType): boolean => NARROW.has(type);

/** As a word of a command. */
export const narrowWord = (type: ElementType): number => (NARROW.get(type) ? 1 : 0);

const whole = (rows: number): number => Math.ceil(rows / PANEL_ROWS) * PANEL_ROWS;

/** Bytes that a tensor takes here. */
export function memoryBytes(shape: Shape, type: ElementType): number {
  if (!inPanels(type)) return byteSize(shape, type);
  const [rows = 1, columns = 1] = shape.slice(-2);
  return byteSize([...shape.slice(0, -2), whole(rows), columns], type);
}

export const columnsOf = ({ shape }: Tensor): number => shape.at(-1) ?? 1;

/** Bytes of a row, which are the same in a panel, and its blocks. */
export const panelSizes = (x: Tensor): { rowBytes: number; blocks: number } => ({
  rowBytes: byteSize([1, columnsOf(x)], x.dtype),
  blocks: Math.ceil(columnsOf(x) / BLOCK_COLUMNS),
});

/** Rows, counted through all matrices of a tensor, that fill panels one after another from row `panelRow` of the panels on. */
export interface Run {
  readonly first: number;
  readonly rows: number;
  readonly panelRow: number;
}

/** All rows of a tensor [..., N, J] by runs of at most `most` rows, or a panel. */
export function runsOf(shape: Shape, most: number): Run[] {
  const rows = size(shape.slice(0, -1));
  const each = shape.at(-2) ?? 1;
  const rowsOfEach = each === whole(each) ? rows : each; // without gaps between them, matrices are as one
  const atOnce = Math.max(PANEL_ROWS, Math.floor(most / PANEL_ROWS) * PANEL_ROWS);
  const runs: Run[] = [];
  for (let first = 0; first < rows; first += rowsOfEach) {
    const panelRow = (first / rowsOfEach) * whole(rowsOfEach);
    for (let row = 0; row < rowsOfEach; row += atOnce)
      runs.push({ first: first + row, rows: Math.min(atOnce, rowsOfEach - row), panelRow: panelRow + row });
  }
  return runs;
}

/** Reads run after run, two at a time, and passes on each when it has arrived. Settles only when no read is under way any more. */
export async function readRuns(
  runs: readonly Run[],
  read: (run: Run) => Promise<void>,
  done: (run: Run) => void,
): Promise<void> {
  const readings: Promise<void>[] = [];
  const start = (run: Run | undefined) => {
    if (run) readings.push(read(run));
    readings.at(-1)?.catch(() => {}); // it is awaited in a later round
  };
  start(runs[0]);
  start(runs[1]);
  try {
    for (const [i, run] of runs.entries()) {
      await readings[i];
      start(runs[i + 2]);
      done(run);
    }
  } finally {
    await Promise.allSettled(readings);
  }
}
