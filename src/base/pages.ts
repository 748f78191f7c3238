/**
 * Pages: how the rows that a model remembers of its sequences lie in memory. A pool [R, ...] holds pages of PAGE_ROWS rows. A table
 * i32 [B, P] names the pages of B sequences in their order: row s of sequence b is row table[b, s / PAGE_ROWS] * PAGE_ROWS + s % PAGE_ROWS of the
 * pool. Entries behind the last page of a sequence are not read.
 */

/** A multiple of the keys that the kernels of attention take at once. */
export const PAGE_ROWS = 64;

/** Pages that `count` rows need. */
export const pagesFor = (count: number): number => Math.ceil(count / PAGE_ROWS);

/** Row `s` of a sequence with these pages, as a row of the pool. */
export const poolRow = (pages: readonly number[], s: number): number =>
  (pages[Math.floor(s / PAGE_ROWS)] as number) * PAGE_ROWS + (s % PAGE_ROWS);
