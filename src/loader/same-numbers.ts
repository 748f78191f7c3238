/** Do two stored tensors hold the same numbers? All of them are compared, a piece at a time. */

import { size } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { toFloats, view } from '../formats/numbers.ts';
import { SOURCE } from './fill.ts';

/** Numbers read of each tensor at once. */
const CHUNK_NUMBERS = 1 << 19;

/**
 * True when both have one shape and every number is equal, as `torch.equal` has it: 0 and -0 are, NaN and NaN are when their bits are. Numbers
 * of different types are compared as f32. Ends at the first difference.
 */
export async function sameNumbers(a: StoredTensor, b: StoredTensor, signal?: AbortSignal): Promise<boolean> {
  if (a.shape.join() !== b.shape.join()) return false;
  if (a.sharedBytes !== undefined && a.sharedBytes === b.sharedBytes && a.file === b.file) return true;
  const total = size(a.shape);
  for (let at = 0; at < total; at += CHUNK_NUMBERS) {
    const count = Math.min(CHUNK_NUMBERS, total - at);
    const [left, right] = await Promise.all([piece(a, at, count, signal), piece(b, at, count, signal)]);
    if (!sameBytes(left, right) && !sameFloats(left, right)) return false;
  }
  return true;
}

interface Piece {
  readonly dtype: StoredTensor['dtype'];
  readonly bytes: Uint8Array;
}

async function piece(x: StoredTensor, at: number, count: number, signal?: AbortSignal): Promise<Piece> {
  const width = x.byteLength / size(x.shape);
  const bytes = new Uint8Array(count * width);
  await x.read(at * width, bytes, signal);
  return { dtype: x.dtype, bytes };
}

function sameBytes(a: Piece, b: Piece): boolean {
  if (a.dtype !== b.dtype || a.bytes.length !== b.bytes.length) return false;
  const words = a.bytes.length >> 2; // four at a time: there may be 10^9
  const [x, y] = [new Uint32Array(a.bytes.buffer, 0, words), new Uint32Array(b.bytes.buffer, 0, words)];
  for (let i = 0; i < words; i++) if (x[i] !== y[i]) return false;
  for (let i = 4 * words; i < a.bytes.length; i++) if (a.bytes[i] !== b.bytes[i]) return false;
  return true;
}

function sameFloats(a: Piece, b: Piece): boolean {
  const [x, y] = [floatsOf(a), floatsOf(b)];
  return x !== undefined && y !== undefined && x.every((value, i) => value === y[i]);
}

function floatsOf({ dtype, bytes }: Piece): Float32Array | undefined {
  const source = SOURCE[dtype];
  return source && toFloats(source, view(source, bytes));
}
