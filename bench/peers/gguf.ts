/**
 * Writes GGUF files, version 3, as the ggml project describes them (docs/gguf.md of ggml): header, key-value pairs, a record for each
 * tensor, and at the next multiple of 32 bytes the numbers, each tensor at such a multiple. Made for speed measurements: numbers are one
 * random pattern again and again, finite and without denormals, since only their number and format matter.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { UsageError } from '../../src/base/errors.ts';
import { toBf16, toF16 } from '../../src/formats/numbers.ts';
import { Random } from '../../src/sampler/random.ts';

export type GgufValue = string | boolean | readonly string[] | { readonly u32: number } | { readonly f32: number };

export type GgufFormat = 'f32' | 'bf16' | 'q8_0' | 'q4_0' | 'q6_k' | 'tq2_0';

export interface GgufTensor {
  readonly name: string;
  /** Row-major, [rows, columns]; the file has it the other way round. */
  readonly shape: readonly number[];
  readonly format: GgufFormat;
  /** All numbers of an f32 tensor are this, in place of random ones. */
  readonly fill?: number;
}

interface Layout {
  /** Of ggml's enum of types. */
  readonly id: number;
  /** Numbers that share a scale. */
  readonly block: number;
  readonly blockBytes: number;
  /** Writes one block, all of whose bits are random, so that its numbers are finite and small. */
  readonly tame: (block: DataView, random: Random) => void;
}

/** Uniform within this, as the numbers of our synthetic checkpoints. */
const AMPLITUDE = 0.03;

const half = (at: number, value: number) => (block: DataView) => block.setUint16(at, toF16(value), true);
const within = (random: Random) => (2 * random.uniform() - 1) * AMPLITUDE;

const LAYOUTS: Readonly<Record<GgufFormat, Layout>> = {
  f32: { id: 0, block: 1, blockBytes: 4, tame: (block, random) => block.setFloat32(0, within(random), true) },
  bf16: { id: 30, block: 1, blockBytes: 2, tame: (block, random) => block.setUint16(0, toBf16(within(random)), true) },
  // A scale, and 32 signed bytes.
  q8_0: { id: 8, block: 32, blockBytes: 34, tame: half(0, AMPLITUDE / 128) },
  // A scale, and 32 codes of 4 bits, of which 8 are to be subtracted.
  q4_0: { id: 2, block: 32, blockBytes: 18, tame: half(0, AMPLITUDE / 8) },
  // 4 and 2 bits of each code, 16 signed scales, and their scale.
  q6_k: {
    id: 14,
    block: 256,
    blockBytes: 210,
    tame(block) {
      for (let i = 0; i < 16; i++) block.setInt8(192 + i, 8);
      block.setUint16(208, toF16(AMPLITUDE / (32 * 8)), true);
    },
  },
  // Codes 0, 1 and 2 of 2 bits, of which 1 is to be subtracted, and a scale.
  tq2_0: {
    id: 35,
    block: 256,
    blockBytes: 66,
    tame(block) {
      for (let i = 0; i < 64; i++) {
        const byte = block.getUint8(i);
        block.setUint8(i, byte & ~((byte & (byte >> 1) & 0x55) << 1)); // a code of 3 becomes 1
      }
      block.setUint16(64, toF16(AMPLITUDE), true);
    },
  },
};

const ALIGNMENT = 32;
const VERSION = 3;
const PATTERN_BYTES = 1 << 20;

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Throws UsageError when rows are not whole blocks. */
export function tensorBytes({ name, shape, format }: GgufTensor): number {
  const { block, blockBytes } = LAYOUTS[format];
  const columns = shape.at(-1) ?? 1;
  if (columns % block !== 0)
    throw new UsageError(`'${name}' has rows of ${columns}, and ${format} wants multiples of ${block}.`);
  return (shape.reduce((product, length) => product * length, 1) / block) * blockBytes;
}

/** Writes a new file; its size in bytes. */
export function writeGguf(
  path: string,
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): number {
  const header = ggufHeader(metadata, tensors);
  const file = openSync(path, 'wx');
  try {
    writeSync(file, header, 0, header.length, 0);
    let at = header.length;
    for (const tensor of tensors) {
      writeNumbers(file, tensor, at);
      at += aligned(tensorBytes(tensor));
    }
    ftruncateSync(file, at);
    return at;
  } finally {
    closeSync(file);
  }
}

/** All that comes before the numbers, filled up to where they begin. */
export function ggufHeader(
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Uint8Array<ArrayBuffer> {
  const parts = [Buffer.from('GGUF'), u32(VERSION), u64(tensors.length), u64(Object.keys(metadata).length)];
  for (const [key, value] of Object.entries(metadata)) parts.push(text(key), valueBytes(value));
  let offset = 0;
  for (const tensor of tensors) {
    const { name, shape, format } = tensor;
    const lengths = shape.map(u64).reverse();
    parts.push(text(name), u32(shape.length), ...lengths, u32(LAYOUTS[format].id), u64(offset));
    offset += aligned(tensorBytes(tensor));
  }
  const all = Buffer.concat(parts);
  const header = new Uint8Array(aligned(all.length));
  header.set(all);
  return header;
}

function valueBytes(value: GgufValue): Buffer {
  if (typeof value === 'string') return Buffer.concat([u32(8), text(value)]);
  if (typeof value === 'boolean') return Buffer.concat([u32(7), Buffer.from([Number(value)])]);
  if ('u32' in value) return Buffer.concat([u32(4), u32(value.u32)]);
  if ('f32' in value) return Buffer.concat([u32(6), Buffer.from(Float32Array.of(value.f32).buffer)]);
  return Buffer.concat([u32(9), u32(8), u64(value.length), ...value.map(text)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);

function writeNumbers(file: number, tensor: GgufTensor, at: number): void {
  const pattern = patternOf(tensor);
  let left = tensorBytes(tensor);
  let place = at;
  while (left > 0) {
    const written = writeSync(file, pattern, 0, Math.min(left, pattern.length), place);
    place += written;
    left -= written;
  }
}

const patterns = new Map<string, Uint8Array>();

/** About a mebibyte of whole blocks. */
function patternOf({ format, fill }: GgufTensor): Uint8Array {
  const key = fill === undefined ? format : `f32 ${fill}`;
  let pattern = patterns.get(key);
  if (!pattern) {
    pattern = fill === undefined ? randomPattern(format) : filled(fill);
    patterns.set(key, pattern);
  }
  return pattern;
}

function filled(value: number): Uint8Array {
  return new Uint8Array(new Float32Array(PATTERN_BYTES / 4).fill(value).buffer);
}

function randomPattern(format: GgufFormat): Uint8Array {
  const { blockBytes, tame } = LAYOUTS[format];
  const random = Random.fromSeed(1);
  const bytes = new Uint8Array(Math.floor(PATTERN_BYTES / blockBytes) * blockBytes);
  for (let i = 0; i < bytes.length; i++) bytes[i] = random.word();
  for (let i = 0; i < bytes.length; i += blockBytes) tame(new DataView(bytes.buffer, i, blockBytes), random);
  return bytes;
}
