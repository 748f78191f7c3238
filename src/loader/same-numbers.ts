/** Compares all numbers of two stored tensors, in chunks. */

import { size } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { toFloats, view } from '../formats/numbers.ts';
import { SOURCE } from './fill.ts';

/** Numbers read of each tensor at a time. */
const CHUNK_NUMBERS = 1 << 19;

/**
 * True when both have the same shape and equal numbers, as for `torch.equal`: 0 equals -0. Unlike there, NaNs with the same bits are equal.
 * Numbers of different types are compared as f32. Stops at the first difference.
 */
export async function sameNumbers(a: StoredTensor, b: StoredTensor, signal?: AbortSignal): Promise<boolean> {
  if (a.shape.join() !== b.shape.join()) return false;
  if (a.sharedBytes !== undefined && a.sharedBytes === b.sharedBytes && a.file === b.file) return true;
  const total = size(a.shape);
  for (let at = 0; at < total; at += CHUNK_NUMBERS) {
    const count = Math.min(CHUNK_NUMBERS, total - at);
    const [left, right] = await Promise.all([chunkOf(a, at, count, signal), chunkOf(b, at, count, signal)]);
    if (!sameBytes(left, right) && !sameFloats(left, right)) return false;
  }
  return true;
}

interface Chunk {
  readonly dtype: StoredTensor['dtype'];
  readonly bytes: Uint8Array;
}

async function chunkOf(x: StoredTensor, at: number, count: number, signal?: AbortSignal): Promise<Chunk> {
  const width = x.byteLength / size(x.shape);
  const bytes = new Uint8Array(count * width);
  await x.read(at * width, bytes, signal);
  return { dtype: x.dtype, bytes };
}

function sameBytes(a: Chunk, b: Chunk): boolean {
  if (a.dtype !== b.dtype || a.bytes.length !== b.bytes.length) return false;
  const words = a.bytes.length >> 2; // four at a time: there may be 10^9
  const [x, y] = [new Uint32Array(a.bytes.buffer, 0, words), new Uint32Array(b.bytes.buffer, 0, words)];
  for (let i = 0; i < words; i++) if (x[i] !== y[i]) return false;
  for (let i = 4 * words; i < a.bytes.length; i++) if (a.bytes[i] !== b.bytes[i]) return false;
  return true;
}

function sameFloats(a: Chunk, b: Chunk): boolean {
  const [x, y] = [floatsOf(a), floatsOf(b)];
  return x !== undefined && y !== undefined && x.every((value, i) => value === y[i]);
}

function floatsOf({ dtype, bytes }: Chunk): Float32Array | undefined {
  const source = SOURCE[dtype];
  return source && toFloats(source, view(source, bytes));
}
