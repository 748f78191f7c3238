/**
 * From the portable layout of blocks to panels and back (../panels.ts). A portable row is its blocks one after another, each of a scale
 * (bfloat16) and codes: of q8 32 signed bytes, of q4 16 bytes with the codes of columns i and i + 16.
 */
import { blockBytes, COLUMNS, PANEL, SCALES, storeCodes } from './blocks';
import { address, scratch, take, word } from './command';

/** Bytes of a row's block. */
// @ts-ignore: decorator
@inline
function rowBlockBytes(narrow: bool): usize {
  return (narrow ? blockBytes<i8>() : blockBytes<u8>()) / PANEL;
}

/**
 * Rows that lie at their place in the portable layout become panels, in the same memory. A piece of work is a panel. Words: rows, count, blocks,
 * narrow. Scratch memory: 16 rows.
 */
export function arrangePanels(args: usize, part: u32, parts: u32): void {
  const count = word(args, 1);
  const blocks: usize = word(args, 2);
  const narrow = word(args, 3) != 0;
  const bytes = rowBlockBytes(narrow);
  const rowBytes = blocks * bytes;
  const from = scratch(args, part);
  const zero = i8x16.splat(64);
  const fifteens = i8x16.splat(15);
  for (let first = take(args) * PANEL; first < count; first = take(args) * PANEL) {
    let to = address(args, 0) + first * rowBytes;
    const some: usize = min(PANEL, count - first);
    memory.copy(from, to, some * rowBytes);
    if (some < PANEL) memory.fill(from + some * rowBytes, 0, (PANEL - some) * rowBytes);
    for (let block = from; block < from + rowBytes; block += bytes, to += PANEL * bytes) {
      let row = block;
      for (let place: usize = 0; place < PANEL; place++, row += rowBytes) {
        store<u16>(to + (place << 1), load<u16>(row));
        const codes = v128.load(row, 2);
        if (narrow) {
          storeCodes(to, place, v128.and(codes, fifteens), v128.and(i16x8.shr_u(codes, 4), fifteens), true);
        } else {
          storeCodes(to, place, i8x16.add(codes, zero), i8x16.add(v128.load(row, 18), zero), false);
        }
      }
    }
  }
}

/** Four codes from column `k` on of a row of a panel's block, as bytes. */
// @ts-ignore: decorator
@inline
function codesAt(record: usize, place: usize, k: usize, narrow: bool): u32 {
  if (!narrow) return load<u32>(record + SCALES + (place << 2) + COLUMNS * (k >> 2));
  return (load<u32>(record + SCALES + (place << 2) + COLUMNS * (k >> 3)) >> <u32>(k & 4)) & 0x0f0f0f0f;
}

/**
 * Rows of matrices [N, J] in panels, counted through, into the portable layout. A piece of work is a row. Words: to, panels, first row, rows, N,
 * blocks, narrow.
 */
export function rowsOfPanels(args: usize, part: u32, parts: u32): void {
  const rowsOfEach = word(args, 4);
  const blocks: usize = word(args, 5);
  const narrow = word(args, 6) != 0;
  const bytes = rowBlockBytes(narrow);
  const panelsOfEach = (rowsOfEach + PANEL - 1) / PANEL;
  for (let i = take(args); i < word(args, 3); i = take(args)) {
    const row = word(args, 2) + i;
    const within = row % rowsOfEach;
    const panel: usize = (row / rowsOfEach) * panelsOfEach + within / PANEL;
    const place: usize = within % PANEL;
    let record = address(args, 1) + panel * blocks * PANEL * bytes;
    let to = address(args, 0) + i * blocks * bytes;
    for (let n: usize = 0; n < blocks; n++, record += PANEL * bytes, to += bytes) {
      store<u16>(to, load<u16>(record + (place << 1)));
      for (let k: usize = 0; k < 16; k += 4) {
        const first = codesAt(record, place, k, narrow);
        const second = codesAt(record, place, k + 16, narrow);
        if (narrow) store<u32>(to + k, first | (second << 4), 2);
        else {
          store<u32>(to + k, signed(first), 2);
          store<u32>(to + k, signed(second), 18);
        }
      }
    }
  }
}

/** Four bytes without their zero, 64, modulo 256 each: highest bits are set so that no byte borrows from the next, and put right after. */
// @ts-ignore: decorator
@inline
function signed(codes: u32): u32 {
  return ((codes | 0x80808080) - 0x40404040) ^ (~codes & 0x80808080);
}
