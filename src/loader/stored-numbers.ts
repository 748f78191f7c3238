/** Numbers of a stored matrix, some rows at a time. */
import { CheckpointError } from '../base/errors.ts';
import { size } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { toFloats, view } from '../formats/numbers.ts';
import { SOURCE } from './fill.ts';

/** Rows `row`.. of a stored matrix [N, J], so many, as f32 numbers. Throws CheckpointError on types that are no numbers here. */
export async function storedRows(
  stored: StoredTensor,
  row: number,
  count: number,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const dtype = SOURCE[stored.dtype];
  if (!dtype) throw new CheckpointError(`'${stored.name}' is stored as ${stored.dtype}, wanted numbers.`);
  const rowBytes = stored.byteLength / (stored.shape[0] ?? 1);
  const bytes = new Uint8Array(count * rowBytes);
  await stored.read(row * rowBytes, bytes, signal);
  return toFloats(dtype, view(dtype, bytes));
}

/** The one number of a stored tensor. */
export async function storedNumber(stored: StoredTensor, signal?: AbortSignal): Promise<number> {
  if (size(stored.shape) !== 1)
    throw new CheckpointError(`'${stored.name}' has ${size(stored.shape)} numbers, wanted 1.`);
  const [number] = await storedRows({ ...stored, shape: [1], read: stored.read.bind(stored) }, 0, 1, signal);
  return number as number;
}
