/** GGUF files hold what was asked for, where the format wants it, and finite numbers. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type GgufFormat, type GgufTensor, type GgufValue, tensorBytes, writeGguf } from '../../bench/peers/gguf.ts';
import { SHAPES } from '../../bench/peers/shapes.ts';
import { UsageError } from '../../src/base/errors.ts';
import { fromBf16, fromF16 } from '../../src/formats/numbers.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gguf-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Reads what the writer can write, by the description of the format. */
function readGguf(path: string) {
  const bytes = readFileSync(path);
  let at = 0;
  const u32 = () => bytes.readUInt32LE((at += 4) - 4);
  const u64 = () => Number(bytes.readBigUInt64LE((at += 8) - 8));
  const text = () => {
    const length = u64();
    return bytes.toString('utf8', at, (at += length));
  };
  const value = (type: number): unknown => {
    if (type === 4) return { u32: u32() };
    if (type === 6) return { f32: bytes.readFloatLE((at += 4) - 4) };
    if (type === 7) return bytes[at++] === 1;
    if (type === 8) return text();
    if (type !== 9) throw new Error(`no type ${type}`);
    const [inner, length] = [u32(), u64()];
    return Array.from({ length }, () => value(inner));
  };
  const magic = bytes.toString('latin1', 0, (at += 4));
  const version = u32();
  const [tensorCount, pairCount] = [u64(), u64()];
  const metadata = Object.fromEntries(Array.from({ length: pairCount }, () => [text(), value(u32())]));
  const tensors = Array.from({ length: tensorCount }, () => {
    const name = text();
    const lengths = Array.from({ length: u32() }, u64);
    return { name, shape: lengths.reverse(), type: u32(), offset: u64() };
  });
  return { magic, version, metadata, tensors, bytes, data: Math.ceil(at / 32) * 32 };
}

const TYPES: Readonly<Record<GgufFormat, number>> = { f32: 0, q4_0: 2, q8_0: 8, q6_k: 14, bf16: 30, tq2_0: 35 };

/** The numbers of blocks, as ggml defines them. */
function decode(format: GgufFormat, bytes: Buffer): number[] {
  const half = (at: number) => fromF16(bytes.readUInt16LE(at));
  const blocks = (size: number, numbers: (at: number) => number[]) =>
    Array.from({ length: bytes.length / size }, (_, i) => numbers(i * size)).flat();
  const each = (count: number, number: (i: number) => number) => Array.from({ length: count }, (_, i) => number(i));
  switch (format) {
    case 'f32':
      return blocks(4, (at) => [bytes.readFloatLE(at)]);
    case 'bf16':
      return blocks(2, (at) => [fromBf16(bytes.readUInt16LE(at))]);
    case 'q8_0':
      return blocks(34, (at) => each(32, (i) => half(at) * bytes.readInt8(at + 2 + i)));
    case 'q4_0':
      return blocks(18, (at) =>
        each(32, (i) => half(at) * (((bytes.readUInt8(at + 2 + (i % 16)) >> (i < 16 ? 0 : 4)) & 15) - 8)),
      );
    case 'tq2_0':
      return blocks(66, (at) =>
        each(256, (i) => half(at + 64) * (((bytes.readUInt8(at + (i >> 2)) >> (2 * (i & 3))) & 3) - 1)),
      );
    case 'q6_k':
      return blocks(210, (at) =>
        each(256, (i) => {
          const [part, place] = [i >> 7, i & 127];
          const low = bytes.readUInt8(at + 64 * part + (place & 63)) >> (place < 64 ? 0 : 4);
          const high = bytes.readUInt8(at + 128 + 32 * part + (place & 31)) >> (2 * (place >> 5));
          const code = (low & 15) | ((high & 3) << 4);
          return half(at + 208) * bytes.readInt8(at + 192 + (i >> 4)) * (code - 32);
        }),
      );
  }
}

describe('a file', () => {
  const metadata: Record<string, GgufValue> = {
    'general.architecture': 'größe',
    truth: true,
    count: { u32: 4_000_000_000 },
    scale: { f32: 0.5 },
    words: ['', 'one', 'zwölf'],
  };
  const formats = Object.keys(TYPES) as GgufFormat[];
  const tensors: GgufTensor[] = [
    { name: 'ones', shape: [5], format: 'f32', fill: 1 },
    ...formats.map((format) => ({ name: format, shape: [3, 512], format })),
    { name: 'experts', shape: [2, 3, 256], format: 'q4_0' },
  ];

  test('reads back with its pairs, names, shapes and types', () => {
    const path = join(folder, 'a.gguf');
    const size = writeGguf(path, metadata, tensors);
    const read = readGguf(path);
    expect(read).toMatchObject({ magic: 'GGUF', version: 3, metadata });
    expect(read.bytes.length).toBe(size);
    expect(read.tensors.map(({ name, shape, type }) => ({ name, shape, type }))).toEqual(
      tensors.map(({ name, shape, format }) => ({ name, shape, type: TYPES[format] })),
    );
  });

  test('has its tensors one after the other at multiples of 32 bytes, and nothing after them', () => {
    const path = join(folder, 'a.gguf');
    const size = writeGguf(path, metadata, tensors);
    const { tensors: read, data } = readGguf(path);
    let end = 0;
    read.forEach(({ offset }, i) => {
      expect(offset % 32).toBe(0);
      expect(offset - end).toBeLessThan(32);
      end = offset + tensorBytes(tensors[i] as GgufTensor);
    });
    expect(size - data - end).toBeLessThan(32);
  });

  test.each(formats)('has small numbers of %s, which differ', (format) => {
    const path = join(folder, 'a.gguf');
    const tensor: GgufTensor = { name: 'w', shape: [8, 512], format };
    writeGguf(path, {}, [tensor]);
    const { bytes, data } = readGguf(path);
    const numbers = decode(format, bytes.subarray(data, data + tensorBytes(tensor)));
    expect(numbers.length).toBe(4096);
    expect(numbers.every((number) => Math.abs(number) < 0.031)).toBe(true);
    expect(numbers.filter((number) => number !== 0 && Math.abs(number) < 2 ** -126)).toEqual([]);
    expect(new Set(numbers).size).toBeGreaterThan(2);
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    expect(Math.abs(mean)).toBeLessThan(0.011);
  });

  test('is not written where rows are not whole blocks', () => {
    const tensor: GgufTensor = { name: 'w', shape: [4, 48], format: 'q8_0' };
    expect(() => writeGguf(join(folder, 'a.gguf'), {}, [tensor])).toThrow(UsageError);
  });
});

describe('the shapes', () => {
  const weights = (name: string, format: GgufFormat) => {
    const { published, gguf } = SHAPES.get(name) ?? expect.fail(name);
    const { tensors } = gguf(published.config, format);
    return tensors.reduce((sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1), 0);
  };

  // Ours have the same numbers, without copies, and with scales beside ternary matrices.
  test.each([
    ['granite-1b', 1_334_625_280],
    ['mamba-7b', 7_153_127_424 - 50_432 * 4096],
    ['mamba-0.7b', 737_577_000],
    ['llama-8b', 8_030_261_248],
    ['backpack', 124_000_000],
  ])('%s has %i numbers', (name, count) => {
    expect(weights(name, 'q8_0') / count).toBeCloseTo(1, 2);
  });

  test.each([...SHAPES])('%s has rows of whole blocks in all of its formats', (_, { published, formats, gguf }) => {
    for (const { theirs } of Object.values(formats))
      for (const tensor of gguf(published.config, theirs).tensors) expect(tensorBytes(tensor)).toBeGreaterThan(0);
  });
});
