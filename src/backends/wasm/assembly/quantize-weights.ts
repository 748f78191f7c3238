/**
 * Weights of a checkpoint into panels of blocks (src/formats/q8.ts and q4.ts define every rounding; this agrees with it to the bit, in every variant, which is
 * why nothing here multiplies and adds in one step).
 */
import { BLOCK, blockBytes, blocksOf, COLUMNS, PANEL, SCALES } from './blocks';
import { address, scratch, take, word } from './command';
import { sumLanes, TINY } from './lanes';
import { BF16, F32, weightsEnd, widen } from './weights';

/** One weight as f32. */
// @ts-ignore: decorator
@inline
function weight(at: usize, format: u32): f32 {
  if (format == F32) return load<f32>(at);
  if (format == BF16) return reinterpret<f32>(<u32>load<u16>(at) << 16);
  return f32x4.extract_lane(weightsEnd<i16>(at, 1), 0);
}

// @ts-ignore: decorator
@inline
function codes4(x: usize, i: usize, inverse: v128, least: v128, most: v128): v128 {
  return f32x4.min(most, f32x4.max(least, f32x4.nearest(f32x4.mul(v128.load(x + 16 * i), inverse))));
}

/** 16 codes from number 16 `half` on, as bytes, with their zero. */
// @ts-ignore: decorator
@inline
function codes16(x: usize, half: usize, inverse: v128, least: v128, most: v128, zero: v128): v128 {
  const i = 4 * half;
  const a = i32x4.trunc_sat_f32x4_s(codes4(x, i, inverse, least, most));
  const b = i32x4.trunc_sat_f32x4_s(codes4(x, i + 1, inverse, least, most));
  const c = i32x4.trunc_sat_f32x4_s(codes4(x, i + 2, inverse, least, most));
  const d = i32x4.trunc_sat_f32x4_s(codes4(x, i + 3, inverse, least, most));
  return i8x16.add(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)), zero);
}

const EXTREMES: StaticArray<f32> = [-8.5, -8, -7.75, -7.5, -7.25, -7, -6.5];

/** Writes 32 codes, as bytes, of row `place` into a panel's block: four columns to a lane of 32 bits, of q4 eight. */
// @ts-ignore: decorator
@inline
function storeCodes(panelBlock: usize, place: usize, first: v128, second: v128, narrow: bool): void {
  const to = panelBlock + SCALES + (place << 2);
  if (narrow) {
    store<u32>(to, i32x4.extract_lane(first, 0) | (i32x4.extract_lane(first, 1) << 4));
    store<u32>(to, i32x4.extract_lane(first, 2) | (i32x4.extract_lane(first, 3) << 4), COLUMNS);
    store<u32>(to, i32x4.extract_lane(second, 0) | (i32x4.extract_lane(second, 1) << 4), 2 * COLUMNS);
    store<u32>(to, i32x4.extract_lane(second, 2) | (i32x4.extract_lane(second, 3) << 4), 3 * COLUMNS);
    return;
  }
  v128.store32_lane(to, first, 0);
  v128.store32_lane(to, first, 1, COLUMNS);
  v128.store32_lane(to, first, 2, 2 * COLUMNS);
  v128.store32_lane(to, first, 3, 3 * COLUMNS);
  v128.store32_lane(to, second, 0, 4 * COLUMNS);
  v128.store32_lane(to, second, 1, 5 * COLUMNS);
  v128.store32_lane(to, second, 2, 6 * COLUMNS);
  v128.store32_lane(to, second, 3, 7 * COLUMNS);
}

/** Quantises the 32 numbers at `x` into row `place` of a panel's block. */
function quantizeBlock(panelBlock: usize, place: usize, x: usize, narrow: bool): void {
  let high = v128.load(x);
  let low = high;
  for (let i: usize = 1; i < 8; i++) {
    high = f32x4.max(high, v128.load(x + 16 * i));
    low = f32x4.min(low, v128.load(x + 16 * i));
  }
  const largest = max(
    max(f32x4.extract_lane(high, 0), f32x4.extract_lane(high, 1)),
    max(f32x4.extract_lane(high, 2), f32x4.extract_lane(high, 3)),
  );
  const smallest = min(
    min(f32x4.extract_lane(low, 0), f32x4.extract_lane(low, 1)),
    min(f32x4.extract_lane(low, 2), f32x4.extract_lane(low, 3)),
  );
  const extreme = largest >= -smallest ? largest : smallest;
  const zero = i8x16.splat(narrow ? 8 : 64);
  let scale: u32 = 0;
  let first = zero;
  let second = zero;
  if (abs(extreme) >= TINY) {
    let inverse: v128;
    if (narrow) {
      const least = f32x4.splat(-8);
      const most = f32x4.splat(7);
      let best: f32 = -1;
      inverse = f32x4.splat(0);
      for (let trial = 0; trial < 7; trial++) {
        const by = f32x4.splat(unchecked(EXTREMES[trial]) / extreme);
        let products = f32x4.splat(0);
        let squares = products;
        for (let i: usize = 0; i < 8; i++) {
          const code = codes4(x, i, by, least, most);
          products = f32x4.add(products, f32x4.mul(v128.load(x + 16 * i), code));
          squares = f32x4.add(squares, f32x4.mul(code, code));
        }
        const product = sumLanes(products);
        const square = sumLanes(squares);
        const explained = (product * product) / square;
        if (explained > best) {
          best = explained;
          inverse = by;
          const bits = reinterpret<u32>(product / square);
          scale = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
        }
      }
      first = codes16(x, 0, inverse, least, most, zero);
      second = codes16(x, 1, inverse, least, most, zero);
    } else {
      scale = (reinterpret<u32>(abs(extreme) / 63) + 0xffff) >> 16;
      inverse = f32x4.splat(1 / reinterpret<f32>(scale << 16));
      first = codes16(x, 0, inverse, f32x4.splat(-63), f32x4.splat(63), zero);
      second = codes16(x, 1, inverse, f32x4.splat(-63), f32x4.splat(63), zero);
    }
  }
  store<u16>(panelBlock + (place << 1), <u16>scale);
  storeCodes(panelBlock, place, first, second, narrow);
}

/**
 * A rectangle of numbers into rows firstRow.. and columns firstColumn.. of matrices [N, J], whose rows are counted through. A piece of work is
 * a panel. Words: target, numbers, narrow, format of the numbers, transposed, N, J, firstRow, rows, firstColumn, columns, stride. Scratch
 * memory: 32 numbers.
 */
export function quantizeWeights(args: usize, part: u32, parts: u32): void {
  const numbers = address(args, 1);
  const narrow = word(args, 2) != 0;
  const format = word(args, 3);
  const transposed = word(args, 4) != 0;
  const rowsOfEach = word(args, 5);
  const firstRow = word(args, 7);
  const end = firstRow + word(args, 8);
  const firstBlock = word(args, 9) >> 5;
  const columns: usize = word(args, 10);
  const stride: usize = word(args, 11);
  const bytes: usize = narrow ? blockBytes<i8>() : blockBytes<u8>();
  const blocks = blocksOf(word(args, 6));
  const shift: usize = format == F32 ? 2 : 1;
  const panelsOfEach = (rowsOfEach + PANEL - 1) / PANEL;
  const x = scratch(args, part);
  const before = (firstRow / rowsOfEach) * panelsOfEach + (firstRow % rowsOfEach) / PANEL;
  const last = ((end - 1) / rowsOfEach) * panelsOfEach + ((end - 1) % rowsOfEach) / PANEL;
  for (let panel = before + take(args); panel <= last; panel = before + take(args)) {
    const start = (panel / panelsOfEach) * rowsOfEach + (panel % panelsOfEach) * PANEL;
    const stop = min(end, min(start + PANEL, (panel / panelsOfEach + 1) * rowsOfEach));
    for (let row = max(start, firstRow); row < stop; row++) {
      let panelBlock = address(args, 0) + (panel * blocks + firstBlock) * bytes;
      for (let column: usize = 0; column < columns; column += BLOCK, panelBlock += bytes) {
        const count = min(BLOCK, columns - column);
        const i: usize = row - firstRow;
        let at = numbers + ((transposed ? column * stride + i : i * stride + column) << shift);
        if (transposed) {
          const step = stride << shift;
          for (let k: usize = 0; k < count; k++, at += step) store<f32>(x + (k << 2), weight(at, format));
        } else if (format == F32) memory.copy(x, at, count << 2);
        else if (format == BF16) widen<u16>(x, at, count);
        else widen<i16>(x, at, count);
        if (count < BLOCK) memory.fill(x + (count << 2), 0, (BLOCK - count) << 2);
        quantizeBlock(panelBlock, row - start, x, narrow);
      }
    }
  }
}
