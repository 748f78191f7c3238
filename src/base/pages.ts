/**
 * Pages of the KV cache. A pool [R, ...] consists of pages of PAGE_ROWS rows. A table i32 [B, P] lists the pages of B sequences in order:
 * row s of sequence b is row table[b, s / PAGE_ROWS] * PAGE_ROWS + s % PAGE_ROWS of the pool. Entries after the last page of a sequence are
 * not read.
 */

/** Rows of a page: a multiple of the keys that attention kernels process at a time. */
export const PAGE_ROWS = 64;

/** Number of pages for `count` rows. */
export const pagesFor = (count: number): number => Math.ceil(count / PAGE_ROWS);

/** Row `s` of a sequence with these pages, as a row of the pool. */
export const poolRow = (pages: readonly number[], s: number): number =>
  (pages[Math.floor(s / PAGE_ROWS)] as number) * PAGE_ROWS + (s % PAGE_ROWS);
