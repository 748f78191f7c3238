/** Laws of number formats: 16-bit floats by their definition, and blocks of numbers by the plainest loop. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DType, size, type TypedArray } from '../src/base/tensor.ts';
import {
  type Block,
  fillBlock,
  fromBf16,
  fromF16,
  type SourceDType,
  toBf16,
  toF16,
  toFloats,
  view,
} from '../src/formats/numbers.ts';

/** A binary float of these widths, by definition: (-1)^s * 2^e * (1 + f), subnormals, infinities, NaN. */
function floatOf(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >> (exponentBits + fractionBits) ? -1 : 1;
  const most = 2 ** exponentBits - 1;
  const exponent = (bits >> fractionBits) & most;
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === most) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * 2 ** (1 - bias) * fraction : sign * 2 ** (exponent - bias) * (1 + fraction);
}

const FORMATS = [
  { name: 'f16', exponentBits: 5, fractionBits: 10, from: fromF16, to: toF16 },
  { name: 'bf16', exponentBits: 8, fractionBits: 7, from: fromBf16, to: toBf16 },
] as const;

const scratch = new DataView(new ArrayBuffer(4));
const f32Of = (bits: number): number => {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
};
const bitsOf = (x: number): number => {
  scratch.setFloat32(0, x);
  return scratch.getUint32(0);
};

describe.each(FORMATS)('$name', ({ exponentBits, fractionBits, from, to }) => {
  const value = (bits: number) => floatOf(bits, exponentBits, fractionBits);
  const infinity = (2 ** exponentBits - 1) << fractionBits;
  /** Values of 0 up to what infinity would be, were it a number: rounding overflows halfway to it. */
  const magnitudes = Float64Array.from({ length: infinity + 1 }, (_, i) => value(i));
  magnitudes[infinity] = 2 ** (2 ** (exponentBits - 1));

  /** The nearest of all values, the even one of two; by search. */
  function nearest(x: number): number {
    const magnitude = Math.abs(x);
    let [low, high] = [0, infinity];
    if (magnitude >= (magnitudes[infinity] as number)) low = infinity;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((magnitudes[middle] as number) <= magnitude) low = middle;
      else high = middle - 1;
    }
    if (low < infinity) {
      const below = magnitude - (magnitudes[low] as number);
      const above = (magnitudes[low + 1] as number) - magnitude;
      if (above < below || (above === below && low % 2 === 1)) low++;
    }
    return low | (x < 0 || Object.is(x, -0) ? 0x8000 : 0);
  }

  test('all 65536 mean what the format says, and come back as they were', () => {
    let wrong = 0;
    for (let bits = 0; bits < 65536; bits++) {
      const x = from(bits);
      if (!Object.is(x, value(bits))) wrong++;
      const back = to(x);
      if (Number.isNaN(x) ? !Number.isNaN(from(back)) : back !== bits) wrong++;
    }
    expect(wrong).toBe(0);
  });

  test('everything between two neighbours rounds to the nearer, the middle to the even one', () => {
    let wrong = 0;
    for (let bits = 0; bits < infinity; bits++) {
      const middle = ((magnitudes[bits] as number) + (magnitudes[bits + 1] as number)) / 2;
      const at = bitsOf(middle); // exact: 16-bit formats have far fewer digits than f32
      for (const x of [f32Of(at - 1), middle, f32Of(at + 1)]) {
        if (to(x) !== nearest(x)) wrong++;
        if (to(-x) !== nearest(-x)) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });

  test('any f32 rounds to the nearest', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (x) => {
        expect(to(x)).toBe(nearest(x));
      }),
      { numRuns: 3000 },
    );
  });

  test('any f64 rounds as its f32 does', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.double({ noNaN: true }),
          fc.double({ min: -6e-5, max: 6e-5, noNaN: true }),
          // Just beside the middle of two neighbours, closer than f32 can say.
          fc.tuple(fc.nat(infinity - 2), fc.constantFrom(-1, 0, 1)).map(([bits, side]) => {
            const middle = ((magnitudes[bits] as number) + (magnitudes[bits + 1] as number)) / 2;
            return middle * (1 + side * 2 ** -50);
          }),
        ),
        (x) => {
          expect(to(x)).toBe(to(Math.fround(x)));
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('what is too large becomes infinite, what is no number stays none', () => {
    expect(to(3.5e38)).toBe(infinity);
    expect(to(Number.NEGATIVE_INFINITY)).toBe(infinity | 0x8000);
    for (const bits of [0x7f800001, 0x7fc00000, 0x7fffffff, 0xff800001, 0xffffffff]) {
      expect(from(to(f32Of(bits)))).toBeNaN();
    }
  });
});

const SOURCES: readonly SourceDType[] = ['f32', 'f16', 'bf16', 'f64', 'i8', 'u8', 'i32'];
const FLOATS: readonly DType[] = ['f32', 'f16', 'bf16'];
const PAIRS: readonly [SourceDType, DType][] = [
  ...SOURCES.flatMap((from) => FLOATS.map((to): [SourceDType, DType] => [from, to])),
  ['i8', 'i8'],
  ['u8', 'u8'],
  ['i32', 'i32'],
];

/** One number, by definition. */
function converted(raw: number, from: SourceDType, to: DType): number {
  if (from === to) return raw;
  const x = Math.fround(from === 'f16' ? floatOf(raw, 5, 10) : from === 'bf16' ? floatOf(raw, 8, 7) : raw);
  return to === 'f32' ? x : to === 'f16' ? toF16(x) : toBf16(x);
}

/** NaN has a sign and a payload that engines may change. */
const alike = (dtype: DType, a: number, b: number): boolean => {
  const nan = dtype === 'f16' ? 0x7c00 : 0x7f80;
  if (dtype === 'f16' || dtype === 'bf16') return a === b || Math.min(a & 0x7fff, b & 0x7fff) > nan;
  return Object.is(a, b);
};

const arrayOf = (dtype: DType, length: number): TypedArray =>
  dtype === 'f32'
    ? new Float32Array(length)
    : dtype === 'f16' || dtype === 'bf16'
      ? new Uint16Array(length)
      : dtype === 'i8'
        ? new Int8Array(length)
        : dtype === 'i32'
          ? new Int32Array(length)
          : new Uint8Array(length);

const WIDTH = { f64: 8, f32: 4, i32: 4, f16: 2, bf16: 2, i8: 1, u8: 1 };

describe('a block', () => {
  const blocks = fc
    .record({
      pair: fc.constantFrom(...PAIRS),
      rows: fc.integer({ min: 1, max: 70 }),
      columns: fc.integer({ min: 1, max: 70 }),
      margins: fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3)),
      transposed: fc.boolean(),
      apart: fc.nat(3),
      askew: fc.nat(8),
      seed: fc.nat(),
    })
    .map(({ pair, rows, columns, margins, transposed, apart, askew, seed }) => {
      const [from, to] = pair;
      const [lines, width] = transposed ? [columns, rows] : [rows, columns];
      const stride = width + apart;
      const count = (lines - 1) * stride + width; // the last line ends with its numbers
      const buffer = new Uint8Array(count * WIDTH[from] + askew);
      let state = seed;
      for (let i = 0; i < buffer.length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        buffer[i] = state >>> 24;
      }
      const [row = 0, column = 0, below = 0, beside = 0] = margins;
      const block: Block = {
        row,
        column,
        rows,
        columns,
        dtype: from,
        bytes: buffer.subarray(askew),
        transposed,
        ...(apart > 0 ? { stride } : {}),
      };
      return { block, to, stride, rowLength: column + columns + beside, targetRows: row + rows + below };
    });

  test('lands where it belongs as what it means, and nothing else changes', () => {
    fc.assert(
      fc.property(blocks, ({ block, to, stride, rowLength, targetRows }) => {
        const { row, column, rows, columns, dtype, bytes, transposed } = block;
        const target = arrayOf(to, size([targetRows, rowLength])).fill(77);
        const wanted = target.slice();
        const numbers = view(dtype, bytes.slice());
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            const raw = numbers[transposed ? j * stride + i : i * stride + j] as number;
            wanted[(row + i) * rowLength + column + j] = converted(raw, dtype, to);
          }
        }
        const before = bytes.slice();
        fillBlock(target, { shape: [rowLength], dtype: to }, block);
        expect(Buffer.compare(Buffer.from(bytes), Buffer.from(before))).toBe(0);
        const differs = wanted.findIndex((x, i) => !alike(to, x, target[i] as number));
        expect(differs, `${dtype} to ${to} at ${differs}`).toBe(-1);
      }),
      { numRuns: 400 },
    );
  });

  test('of a type that cannot be kept so is refused', () => {
    const block = { row: 0, column: 0, rows: 1, columns: 1, bytes: new Uint8Array(4), transposed: false } as const;
    expect(() => fillBlock(new Int8Array(1), { shape: [1], dtype: 'i8' }, { ...block, dtype: 'f32' })).toThrow(
      /f32.*i8/,
    );
  });
});

describe('views', () => {
  test.each(SOURCES)('%s numbers are read wherever their bytes begin, little-endian', (dtype) => {
    const width = WIDTH[dtype];
    const aligned = Uint8Array.from({ length: 4 * width }, (_, i) => i * 37);
    for (let askew = 0; askew < 9; askew++) {
      const buffer = new Uint8Array(aligned.length + askew);
      buffer.set(aligned, askew);
      expect(view(dtype, buffer.subarray(askew))).toEqual(view(dtype, aligned));
    }
  });

  test('f32 is handed on without a copy', () => {
    const floats = Float32Array.of(1, 2);
    expect(toFloats('f32', floats)).toBe(floats);
    expect([...toFloats('bf16', Uint16Array.of(0x3f80, 0xc000))]).toEqual([1, -2]);
    expect([...toFloats('f16', Uint16Array.of(0x3c00, 0xc000, 1))]).toEqual([1, -2, 2 ** -24]);
  });
});
