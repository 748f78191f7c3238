/**
 * Packs ternary weights that a checkpoint stores as plain numbers. transformers rounds these in every pass (integrations/bitnet.py,
 * WeightQuant): round(W / mean|W|), ties to even, clamped to -1..1. Layout of the bytes as in packed checkpoints: byte p holds rows p, p +
 * N/4, ..., low bits first.
 */
import type { Backend } from '../backends/backend.ts';
import { CheckpointError } from '../base/errors.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { type SourceDType, toFloats, view } from '../formats/numbers.ts';
import type { Packing } from './plan.ts';

/** Bytes read, and about as many packed, at a time. */
const CHUNK_BYTES = 1 << 21;

/** Lower limit of mean|W| in the reference. */
const LEAST_MEAN = 1e-5;

/** What masters are multiplied with before they are rounded, for their mean|W|. */
export const perMean = (mean: number): number => Math.fround(1 / Math.max(Math.fround(mean), Math.fround(LEAST_MEAN)));

/** The code of a master w that was multiplied with `perMean`. */
export const codeOfMaster = (w: number, perWeight: number): number => roundedTo(Math.fround(w * perWeight));

export interface PackOptions {
  readonly backend: Backend;
  /** Buffer for the whole stored tensor: its mean must be known before its first number is rounded. */
  readonly buffer: Uint8Array;
  readonly signal: AbortSignal | undefined;
  onBytes(bytes: number): void;
}

/** W [N, J] in the file -> codes [N, J] and scale [1], which are allocated. Throws CheckpointError on numbers without a code. */
export async function packTernary(
  stored: StoredTensor,
  dtype: SourceDType,
  to: Packing,
  o: PackOptions,
): Promise<void> {
  const bytes = o.buffer.subarray(0, stored.byteLength);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    o.signal?.throwIfAborted();
    const into = bytes.subarray(at, at + CHUNK_BYTES);
    await stored.read(at, into, o.signal);
    o.onBytes(into.length);
  }
  const numbers = view(dtype, bytes);
  const floats = (from: number, count: number) => toFloats(dtype, numbers.subarray(from, from + count));
  const { scale } = to;
  if (scale) {
    const perWeight = perMean(meanSize(floats, numbers.length, stored));
    await fillCodes(to, floats, (w) => codeOfMaster(w, perWeight), o.backend);
    const one = new Uint8Array(Float32Array.of(1 / perWeight).buffer);
    const block = { row: 0, column: 0, rows: 1, columns: 1, transposed: false };
    await o.backend.fill(scale, { ...block, dtype: 'f32', bytes: one });
  } else await fillCodes(to, floats, (w) => codeOf(w, stored), o.backend);
}

type Floats = (from: number, count: number) => Float32Array;

const roundedTo = (x: number): number => (x > 0.5 ? 1 : x < -0.5 ? -1 : 0);

function codeOf(w: number, { name }: StoredTensor): number {
  if (w === 0 || w === 1 || w === -1) return w;
  throw new CheckpointError(
    `'${name}' holds ${w}, but quantization_config in config.json makes its layer ternary: wanted -1, 0 and 1 only.`,
  );
}

function meanSize(floats: Floats, count: number, { name }: StoredTensor): number {
  let sum = 0;
  for (let at = 0; at < count; at += CHUNK_BYTES) {
    const some = floats(at, Math.min(CHUNK_BYTES, count - at));
    for (let i = 0; i < some.length; i++) sum += Math.abs(some[i] as number);
  }
  if (Number.isFinite(sum)) return Math.fround(sum / count);
  throw new CheckpointError(`'${name}' holds numbers that are not finite, which cannot be rounded to ternary ones.`);
}

/** Fills the codes (src/formats/ternary.ts), computing them chunk by chunk. */
function fillCodes({ codes }: Packing, floats: Floats, code: (w: number) => number, backend: Backend): Promise<void> {
  const [rows, columns] = codes.shape as [number, number];
  const quarter = Math.ceil(rows / 4) * columns;
  return backend.load(codes, async (offset, into) => {
    into.fill(0);
    for (let at = 0; at < into.length; at += CHUNK_BYTES) {
      const bytes = into.subarray(at, at + CHUNK_BYTES);
      for (let shift = 0, first = offset + at; shift < 8; shift += 2, first += quarter) {
        const some = floats(first, Math.max(0, Math.min(bytes.length, rows * columns - first)));
        for (let i = 0; i < some.length; i++)
          bytes[i] = (bytes[i] as number) | ((code(some[i] as number) + 1) << shift);
      }
    }
  });
}
