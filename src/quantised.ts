/**
 * The weight formats `q8` and `q4`: integers with a common scale for every 32 columns of a row. This file is their definition; kernels
 * that quantise or read them must agree with it to the bit.
 *
 * A matrix [N, J] is cut into panels of 16 rows and these into blocks of 32 columns; what is missing at the ends is zero. Blocks lie one after
 * another, panel by panel, each as
 *   32 bytes  scales of rows 0 to 15, bfloat16
 *   q8: 512 bytes  for each four columns: rows 0 to 15, four bytes each; weight = scale (byte - 64), byte from 1 to 127
 *   q4: 256 bytes  for each eight columns: rows 0 to 15, four bytes each, with the first four columns in the lower halves, the others in the upper;
 *       weight = scale (half - 8)
 * So four activations, once loaded, meet sixteen rows, and these go through the same instructions side by side, which an engine may make of twice
 * the width.
 * Bytes of at most 7 bits let one instruction multiply them with signed ones on every processor; the eighth bit would be worth less than
 * what int8 activations lose.
 */
import { type Block, fromBf16, roundHalfEven, roundToInt8, TINY, toBf16, toFloats, view } from './numbers.ts';
import { BLOCK_BYTES, BLOCK_COLUMNS, type BlockDType, PANEL_ROWS, type Shape, size } from './tensor.ts';

/** The code of weight zero. */
export const ZERO_CODE: Readonly<Record<BlockDType, number>> = { q8: 64, q4: 8 };

/** Bytes of a panel's scales in a block. */
const SCALES = 2 * PANEL_ROWS;

/** Largest magnitude of a q8 code without its zero. */
const Q8_MOST = 63;

/** What the number of largest magnitude in a block of q4 may become; the best of them is taken. */
const Q4_EXTREMES = [-8.5, -8, -7.75, -7.5, -7.25, -7, -6.5];

const { fround } = Math;
const word = new Float32Array(1);
const bits = new Uint32Array(word.buffer);

/** The next bfloat16 that is not smaller, for numbers above zero. */
function bf16Above(x: number): number {
  word[0] = x;
  return ((bits[0] as number) + 0xffff) >>> 16;
}

const clamp = (x: number, least: number, most: number): number => Math.min(most, Math.max(least, x));

/**
 * Quantises 32 numbers: writes their codes and gives the scale, as the bits of a bfloat16. All steps round to f32. q8 rounds to the
 * nearest code; q4 tries several scales, fits each to its codes by least squares, and keeps the one with the smallest squared error.
 */
export function quantizeBlock(dtype: BlockDType, x: Float32Array, codes: Uint8Array): number {
  const [largest, smallest] = [Math.max(...x), Math.min(...x)];
  const extreme = largest >= -smallest ? largest : smallest;
  codes.fill(ZERO_CODE[dtype]);
  if (!(Math.abs(extreme) >= TINY)) return 0;
  if (dtype === 'q8') {
    const scale = bf16Above(fround(Math.abs(extreme) / Q8_MOST));
    const inverse = fround(1 / fromBf16(scale));
    for (let k = 0; k < x.length; k++) {
      codes[k] = 64 + clamp(roundHalfEven(fround((x[k] as number) * inverse)), -Q8_MOST, Q8_MOST);
    }
    return scale;
  }
  let best = -1;
  let scale = 0;
  for (const target of Q4_EXTREMES) {
    const inverse = fround(target / extreme);
    const [products, squares] = [new Float32Array(4), new Float32Array(4)]; // as four lanes add them up
    const trial = Array.from(x, (value) => clamp(roundHalfEven(fround(value * inverse)), -8, 7));
    trial.forEach((code, k) => {
      products[k & 3] = fround((products[k & 3] as number) + fround((x[k] as number) * code));
      squares[k & 3] = (squares[k & 3] as number) + code * code;
    });
    const product = sumLanes(products);
    const square = sumLanes(squares);
    const explained = fround(fround(product * product) / square);
    if (explained <= best) continue;
    best = explained;
    scale = toBf16(fround(product / square));
    trial.forEach((code, k) => {
      codes[k] = 8 + code;
    });
  }
  return scale;
}

const sumLanes = ([a = 0, b = 0, c = 0, d = 0]: Float32Array): number => fround(fround(a + c) + fround(b + d));

/** Writes a quantised block of row `row` (of all but the last axis) and columns 32 `block`.. into the bytes of a tensor. */
function storeBlock(
  target: Uint8Array,
  dtype: BlockDType,
  shape: Shape,
  row: number,
  block: number,
  scale: number,
  codes: Uint8Array,
): void {
  const at = recordOf(dtype, shape, row, block);
  const lane = (row % (shape.at(-2) as number)) % PANEL_ROWS;
  target[at + 2 * lane] = scale & 0xff;
  target[at + 2 * lane + 1] = scale >>> 8;
  codes.forEach((code, k) => {
    const byte = at + SCALES + placeOf(dtype, lane, k);
    if (dtype === 'q8') target[byte] = code;
    else
      target[byte] = k & 4 ? ((target[byte] as number) & 0x0f) | (code << 4) : ((target[byte] as number) & 0xf0) | code;
  });
}

/** The scale of a block, and its codes without their zero. */
export function loadBlock(
  bytes: Uint8Array,
  dtype: BlockDType,
  shape: Shape,
  row: number,
  block: number,
  codes: Int8Array,
): number {
  const at = recordOf(dtype, shape, row, block);
  const lane = (row % (shape.at(-2) as number)) % PANEL_ROWS;
  for (let k = 0; k < BLOCK_COLUMNS; k++) {
    const byte = bytes[at + SCALES + placeOf(dtype, lane, k)] as number;
    codes[k] = dtype === 'q8' ? byte - 64 : ((byte >> (k & 4)) & 15) - 8;
  }
  return fromBf16((bytes[at + 2 * lane] as number) | ((bytes[at + 2 * lane + 1] as number) << 8));
}

/** Where among a block's codes that of row `lane` and column `k` lies. */
const placeOf = (dtype: BlockDType, lane: number, k: number): number =>
  4 * PANEL_ROWS * (k >> (dtype === 'q8' ? 2 : 3)) + 4 * lane + (k & 3);

function recordOf(dtype: BlockDType, shape: Shape, row: number, block: number): number {
  const [rowsOfEach = 1, columns = 1] = shape.slice(-2);
  const panels = Math.ceil(rowsOfEach / PANEL_ROWS);
  const panel = Math.floor(row / rowsOfEach) * panels + Math.floor((row % rowsOfEach) / PANEL_ROWS);
  return (panel * Math.ceil(columns / BLOCK_COLUMNS) + block) * BLOCK_BYTES[dtype];
}

/**
 * Rounds one row of activations for a product with blocks: int8 codes and a scale for every 32, codes = round(x 127 / max|x|). All
 * steps round to f32.
 */
export function quantizeActivations(
  x: ArrayLike<number>,
  from: number,
  columns: number,
  codes: Int8Array,
  scales: Float32Array,
): void {
  for (let block = 0; 32 * block < columns; block++) {
    const first = 32 * block;
    const end = Math.min(columns, first + 32);
    scales[block] = roundToInt8(x, from + first, end - first, codes.subarray(first, end));
  }
}

/** All weights of a tensor [..., N, J] as f32. */
export function dequantize(bytes: Uint8Array, dtype: BlockDType, shape: Shape): Float32Array {
  const columns = shape.at(-1) as number;
  const floats = new Float32Array(size(shape));
  const codes = new Int8Array(BLOCK_COLUMNS);
  for (let row = 0; row * columns < floats.length; row++) {
    for (let first = 0; first < columns; first += BLOCK_COLUMNS) {
      const scale = loadBlock(bytes, dtype, shape, row, first / BLOCK_COLUMNS, codes);
      for (let k = 0; k < BLOCK_COLUMNS && first + k < columns; k++)
        floats[row * columns + first + k] = scale * (codes[k] as number);
    }
  }
  return floats;
}

/** Quantises a rectangle of a checkpoint's numbers into the bytes of a tensor. Its columns begin and end where blocks do. */
export function fillQuantised(
  target: Uint8Array,
  { shape, dtype }: { shape: Shape; dtype: BlockDType },
  { row, column, rows, columns, transposed, bytes, dtype: from, stride = transposed ? rows : columns }: Block,
): void {
  const numbers = toFloats(from, view(from, bytes));
  const x = new Float32Array(BLOCK_COLUMNS);
  const codes = new Uint8Array(BLOCK_COLUMNS);
  for (let i = 0; i < rows; i++) {
    for (let first = 0; first < columns; first += BLOCK_COLUMNS) {
      x.fill(0);
      for (let k = 0; k < BLOCK_COLUMNS && first + k < columns; k++)
        x[k] = numbers[transposed ? (first + k) * stride + i : i * stride + first + k] as number;
      const scale = quantizeBlock(dtype, x, codes);
      storeBlock(target, dtype, shape, row + i, (column + first) / BLOCK_COLUMNS, scale, codes);
    }
  }
}
