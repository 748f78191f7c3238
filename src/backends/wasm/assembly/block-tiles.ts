/** Products of blocks with relaxed SIMD for several tokens, which share the weights that were loaded (blocks.ts). */
import { tokenBytes } from './activations';
import { BLOCK, blockBytes, COLUMNS, finishRows, highScales, lowScales, PANEL, SCALES, unpack, WIDE_BYTES } from './blocks';
import { finish, meet, PANEL_SUMS, repeat, sumToken } from './block-token';
import { heldInts, madd } from './lanes';

/**
 * Adds the products of some blocks of a panel, codes in bytes, to its sums for two tokens, or where `Third` is signed for three. In theirs the first
 * block lies at `shift`, its scale at `scaleShift`. Where there is no third, the compiler leaves out what is its own.
 */
function wideTokens<T, Third>(sums: usize, xs: usize, shift: usize, scaleShift: usize, w: usize, blocks: usize): void {
  const ones = heldInts(1, blocks);
  let x0: usize = load<u32>(xs);
  const to1 = <usize>load<u32>(xs, 4) - x0;
  const to2 = isSigned<Third>() ? <usize>load<u32>(xs, 8) - x0 : 0;
  let scales = x0 + scaleShift;
  x0 += shift;
  let y00 = v128.load(sums);
  let y01 = v128.load(sums, 16);
  let y02 = v128.load(sums, 32);
  let y03 = v128.load(sums, 48);
  let y10 = v128.load(sums, 64);
  let y11 = v128.load(sums, 80);
  let y12 = v128.load(sums, 96);
  let y13 = v128.load(sums, 112);
  let y20 = isSigned<Third>() ? v128.load(sums, 128) : y10;
  let y21 = isSigned<Third>() ? v128.load(sums, 144) : y11;
  let y22 = isSigned<Third>() ? v128.load(sums, 160) : y12;
  let y23 = isSigned<Third>() ? v128.load(sums, 176) : y13;
  for (let n: usize = 0; n < blocks; n++) {
    const x1 = x0 + to1;
    const x2 = x0 + to2;
    let a0 = v128.load32_splat(scales, 4);
    let b0 = a0;
    let c0 = a0;
    let d0 = a0;
    let a1 = v128.load32_splat(scales + to1, 4);
    let b1 = a1;
    let c1 = a1;
    let d1 = a1;
    let a2 = isSigned<Third>() ? v128.load32_splat(scales + to2, 4) : a1;
    let b2 = a2;
    let c2 = a2;
    let d2 = a2;
    for (let i: usize = 0; i < 8; i++) {
      const p = v128.load(w + COLUMNS * i, SCALES);
      const q = v128.load(w + COLUMNS * i, SCALES + 16);
      const r = v128.load(w + COLUMNS * i, SCALES + 32);
      const s = v128.load(w + COLUMNS * i, SCALES + 48);
      let k = repeat(x0, 4 * i);
      a0 = meet<T>(a0, k, p, ones);
      b0 = meet<T>(b0, k, q, ones);
      c0 = meet<T>(c0, k, r, ones);
      d0 = meet<T>(d0, k, s, ones);
      k = repeat(x1, 4 * i);
      a1 = meet<T>(a1, k, p, ones);
      b1 = meet<T>(b1, k, q, ones);
      c1 = meet<T>(c1, k, r, ones);
      d1 = meet<T>(d1, k, s, ones);
      if (isSigned<Third>()) {
        k = repeat(x2, 4 * i);
        a2 = meet<T>(a2, k, p, ones);
        b2 = meet<T>(b2, k, q, ones);
        c2 = meet<T>(c2, k, r, ones);
        d2 = meet<T>(d2, k, s, ones);
      }
    }
    const ofLow = v128.load(w);
    const ofHigh = v128.load(w, 16);
    const ofA = lowScales(ofLow);
    const ofB = highScales(ofLow);
    const ofC = lowScales(ofHigh);
    const ofD = highScales(ofHigh);
    let ofX = v128.load32_splat(scales);
    y00 = madd(finish<T>(a0, ones), f32x4.mul(ofA, ofX), y00);
    y01 = madd(finish<T>(b0, ones), f32x4.mul(ofB, ofX), y01);
    y02 = madd(finish<T>(c0, ones), f32x4.mul(ofC, ofX), y02);
    y03 = madd(finish<T>(d0, ones), f32x4.mul(ofD, ofX), y03);
    ofX = v128.load32_splat(scales + to1);
    y10 = madd(finish<T>(a1, ones), f32x4.mul(ofA, ofX), y10);
    y11 = madd(finish<T>(b1, ones), f32x4.mul(ofB, ofX), y11);
    y12 = madd(finish<T>(c1, ones), f32x4.mul(ofC, ofX), y12);
    y13 = madd(finish<T>(d1, ones), f32x4.mul(ofD, ofX), y13);
    if (isSigned<Third>()) {
      ofX = v128.load32_splat(scales + to2);
      y20 = madd(finish<T>(a2, ones), f32x4.mul(ofA, ofX), y20);
      y21 = madd(finish<T>(b2, ones), f32x4.mul(ofB, ofX), y21);
      y22 = madd(finish<T>(c2, ones), f32x4.mul(ofC, ofX), y22);
      y23 = madd(finish<T>(d2, ones), f32x4.mul(ofD, ofX), y23);
    }
    x0 += BLOCK;
    scales += 8;
    w += WIDE_BYTES;
  }
  v128.store(sums, y00);
  v128.store(sums, y01, 16);
  v128.store(sums, y02, 32);
  v128.store(sums, y03, 48);
  v128.store(sums, y10, 64);
  v128.store(sums, y11, 80);
  v128.store(sums, y12, 96);
  v128.store(sums, y13, 112);
  if (isSigned<Third>()) {
    v128.store(sums, y20, 128);
    v128.store(sums, y21, 144);
    v128.store(sums, y22, 160);
    v128.store(sums, y23, 176);
  }
}

/**
 * Blocks of a panel that all tokens meet before the next ones, where the tokens stay in the nearest cache: then weights come from memory as steadily as
 * they are used, and not in the first of several passes only.
 */
const TURN_BLOCKS: usize = 4;
const NEAR_BYTES: usize = 16384;

/** Rows for tokens in tiles: every panel, made bytes once, for all of them. */
// @ts-ignore: decorator
@inline
export function tiles<T>(ys: usize, xs: usize, tokens: u32, w: usize, rows: u32, blocks: usize, bias: usize, wide: usize): void {
  const sums = wide + blocks * WIDE_BYTES;
  const turnBlocks = tokens > 3 && tokens * tokenBytes(blocks) <= NEAR_BYTES ? TURN_BLOCKS : blocks;
  for (let row: u32 = 0; row < rows; row += PANEL) {
    memory.fill(sums, 0, tokens * PANEL_SUMS);
    for (let first: usize = 0; first < blocks; first += turnBlocks) {
      const turn = min(turnBlocks, blocks - first);
      let bytes = w;
      if (isSigned<T>()) {
        unpack(wide, w, turn);
        bytes = wide;
      }
      const shift = first * BLOCK;
      const scaleShift = blocks * BLOCK + 8 * first;
      let t: u32 = 0;
      for (; t + 3 <= tokens; t += 3) wideTokens<T, i8>(sums + t * PANEL_SUMS, xs + 4 * t, shift, scaleShift, bytes, turn);
      if (t + 2 == tokens) wideTokens<T, u8>(sums + t * PANEL_SUMS, xs + 4 * t, shift, scaleShift, bytes, turn);
      else if (t < tokens) {
        const x: usize = load<u32>(xs + 4 * t);
        sumToken<T, u8>(sums + t * PANEL_SUMS, x + shift, x + scaleShift, bytes, turn, 1, 0);
      }
      w += turn * blockBytes<T>();
    }
    for (let t: u32 = 0; t < tokens; t++) {
      finishRows(<usize>load<u32>(ys + 4 * t) + 4 * row, sums + t * PANEL_SUMS, rows - row, bias ? bias + 4 * row : 0);
    }
  }
}
