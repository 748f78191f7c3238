/**
 * From the portable layout of blocks to panels and back (../panels.ts). A portable row is its blocks one after another, each of a scale
 * (bfloat16) and codes: of q8 32 signed bytes, of q4 16 bytes with the codes of columns i and i + 16.
 */
import { blockBytes, COLUMNS, highHalves, lowHalves, PANEL, SCALES } from './blocks';
import { address, scratch, take, word } from './command';

/** Bytes of a row's block. */
// @ts-ignore: decorator
@inline
function rowBlockBytes(narrow: bool): usize {
  return (narrow ? blockBytes<i8>() : blockBytes<u8>()) / PANEL;
}

/** 16 codes each of four rows, a to d, as bytes: stored so that the rows lie side by side, four columns to a lane of 32 bits, of q4 eight. */
// @ts-ignore: decorator
@inline
function storeTurned(to: usize, a: v128, b: v128, c: v128, d: v128, narrow: bool): void {
  const ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
  const ef = v128.shuffle<u32>(a, b, 2, 6, 3, 7);
  const gh = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
  const first = v128.shuffle<u32>(ab, cd, 0, 1, 4, 5);
  const second = v128.shuffle<u32>(ab, cd, 2, 3, 6, 7);
  const third = v128.shuffle<u32>(ef, gh, 0, 1, 4, 5);
  const fourth = v128.shuffle<u32>(ef, gh, 2, 3, 6, 7);
  if (narrow) {
    v128.store(to, v128.or(first, i32x4.shl(second, 4)));
    v128.store(to, v128.or(third, i32x4.shl(fourth, 4)), COLUMNS);
    return;
  }
  v128.store(to, first);
  v128.store(to, second, COLUMNS);
  v128.store(to, third, 2 * COLUMNS);
  v128.store(to, fourth, 3 * COLUMNS);
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
      let a = block;
      for (let place: usize = 0; place < PANEL; place += 4, a += 4 * rowBytes) {
        const b = a + rowBytes;
        const c = b + rowBytes;
        const d = c + rowBytes;
        store<u16>(to + (place << 1), load<u16>(a));
        store<u16>(to + (place << 1), load<u16>(b), 2);
        store<u16>(to + (place << 1), load<u16>(c), 4);
        store<u16>(to + (place << 1), load<u16>(d), 6);
        const codes = to + SCALES + (place << 2);
        let p = v128.load(a, 2);
        let q = v128.load(b, 2);
        let r = v128.load(c, 2);
        let s = v128.load(d, 2);
        if (narrow) {
          storeTurned(codes, lowHalves(p, fifteens), lowHalves(q, fifteens), lowHalves(r, fifteens), lowHalves(s, fifteens), true);
          p = highHalves(p, fifteens);
          q = highHalves(q, fifteens);
          r = highHalves(r, fifteens);
          s = highHalves(s, fifteens);
          storeTurned(codes + 2 * COLUMNS, p, q, r, s, true);
        } else {
          storeTurned(codes, i8x16.add(p, zero), i8x16.add(q, zero), i8x16.add(r, zero), i8x16.add(s, zero), false);
          p = i8x16.add(v128.load(a, 18), zero);
          q = i8x16.add(v128.load(b, 18), zero);
          r = i8x16.add(v128.load(c, 18), zero);
          s = i8x16.add(v128.load(d, 18), zero);
          storeTurned(codes + 4 * COLUMNS, p, q, r, s, false);
        }
      }
    }
  }
}

/** Four codes from column `k` on of a row of a panel's block, as bytes. */
// @ts-ignore: decorator
@inline
function codesAt(panelBlock: usize, place: usize, k: usize, narrow: bool): u32 {
  if (!narrow) return load<u32>(panelBlock + SCALES + (place << 2) + COLUMNS * (k >> 2));
  return (load<u32>(panelBlock + SCALES + (place << 2) + COLUMNS * (k >> 3)) >> <u32>(k & 4)) & 0x0f0f0f0f;
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
    let panelBlock = address(args, 1) + panel * blocks * PANEL * bytes;
    let to = address(args, 0) + i * blocks * bytes;
    for (let n: usize = 0; n < blocks; n++, panelBlock += PANEL * bytes, to += bytes) {
      store<u16>(to, load<u16>(panelBlock + (place << 1)));
      for (let k: usize = 0; k < 16; k += 4) {
        const first = codesAt(panelBlock, place, k, narrow);
        const second = codesAt(panelBlock, place, k + 16, narrow);
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
