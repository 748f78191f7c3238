/** Products of blocks: the way through panels in all variants (blocks.ts). */
import { BLOCK, blockBytes, finishRows, PANEL, WIDE_BYTES } from './blocks';
import { plainTiles, plainToken } from './block-rows-plain';
import { tiles } from './block-tiles';
import { PANEL_SUMS, sumToken } from './block-token';
import { STREAMS } from './matrices';

/** Tokens from which on loaded weights are shared. */
// @ts-ignore: decorator
@inline
function tileTokens(): u32 {
  return DOT == 0 ? 2 : 3;
}

/** Plain SIMD computes no faster than one stream comes. */
// @ts-ignore: decorator
@inline
function streamCount(): u32 {
  return DOT == 0 ? 1 : STREAMS;
}

/** Scratch memory of `blockRowsForTokens`: a panel of q8, and sums. */
// @ts-ignore: decorator
@inline
export function wideScratch(blocks: usize): usize {
  return blocks * WIDE_BYTES + STREAMS * PANEL_SUMS;
}

/** Rows for tokens that are fewer than a tile has. */
// @ts-ignore: decorator
@inline
function streams<T>(ys: usize, xs: usize, tokens: u32, w: usize, rows: u32, blocks: usize, bias: usize, sums: usize): void {
  const all = (rows + PANEL - 1) / PANEL;
  const step = (all + streamCount() - 1) / streamCount();
  const bytes = blocks * blockBytes<T>();
  for (let first: u32 = 0; first < step; first++, w += bytes) {
    const count = (all - first + step - 1) / step;
    for (let t: u32 = 0; t < tokens; t++) {
      const x: usize = load<u32>(xs + 4 * t);
      if (DOT == 0) plainToken<T>(sums, x, w, blocks);
      else {
        memory.fill(sums, 0, count * PANEL_SUMS);
        sumToken<T, T>(sums, x, x + blocks * BLOCK, w, blocks, count, step * bytes);
      }
      const y: usize = load<u32>(ys + 4 * t);
      for (let i: u32 = 0; i < count; i++) {
        const row = (first + i * step) * PANEL;
        finishRows(y + 4 * row, sums + i * PANEL_SUMS, rows - row, bias ? bias + 4 * row : 0);
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function rowsOf<T>(ys: usize, xs: usize, tokens: u32, w: usize, rows: u32, blocks: usize, bias: usize, wide: usize): void {
  if (tokens < tileTokens()) streams<T>(ys, xs, tokens, w, rows, blocks, bias, wide);
  else if (DOT == 0) plainTiles<T>(ys, xs, tokens, w, rows, blocks, bias, wide);
  else tiles<T>(ys, xs, tokens, w, rows, blocks, bias, wide);
}

/**
 * Rows of weights, whole panels but for the last, for tokens whose packed inputs and outputs lie at the addresses xs[t] and ys[t] (of the first of
 * these rows). `wide` is scratch memory as of `wideScratch`.
 */
export function blockRowsForTokens(
  ys: usize,
  xs: usize,
  tokens: u32,
  w: usize,
  rows: u32,
  blocks: usize,
  bias: usize,
  narrow: bool,
  wide: usize,
): void {
  if (narrow) rowsOf<i8>(ys, xs, tokens, w, rows, blocks, bias, wide);
  else rowsOf<u8>(ys, xs, tokens, w, rows, blocks, bias, wide);
}
