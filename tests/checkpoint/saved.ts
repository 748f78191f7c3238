/** Tensors to save, drawn at random, and the bytes of tensors saved or read, for tests. */
import fc from 'fast-check';
import { type StoredDType, type StoredTensor, storedBytes } from '../../src/checkpoint/safetensors.ts';
import type { SavedTensor } from '../../src/checkpoint/save.ts';

const DTYPES = ['F64', 'F32', 'F16', 'BF16', 'I64', 'I32', 'I16', 'I8', 'U8', 'BOOL'] as const satisfies StoredDType[];

/** Any name that is text: half a surrogate pair cannot be written as UTF-8. */
const name = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => text !== '__metadata__');

export const savedTensors: fc.Arbitrary<SavedTensor[]> = fc.uniqueArray(
  fc
    .record({
      name,
      shape: fc.array(fc.nat(4), { maxLength: 3 }),
      dtype: fc.constantFrom(...DTYPES),
      seed: fc.nat(255),
    })
    .map(({ seed, ...tensor }): SavedTensor => {
      const data = Uint8Array.from({ length: storedBytes(tensor.shape, tensor.dtype) }, (_, i) => seed + i * 13);
      const half = data.length >> 1;
      return { ...tensor, bytes: () => [data.subarray(0, half), data.subarray(half)] };
    }),
  { selector: (tensor) => tensor.name, maxLength: 8 },
);

export async function bytesOfAll(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return new Uint8Array(Buffer.concat(all));
}

/** Name -> type, shape and bytes. */
export async function readAll(tensors: Iterable<SavedTensor | StoredTensor>) {
  const all = new Map<string, { dtype: string; shape: readonly number[]; bytes: Uint8Array }>();
  for (const tensor of tensors) {
    const { dtype, shape } = tensor;
    let bytes: Uint8Array;
    if ('read' in tensor) {
      bytes = new Uint8Array(tensor.byteLength);
      await tensor.read(0, bytes);
    } else {
      bytes = await bytesOfAll(tensor.bytes());
    }
    all.set(tensor.name, { dtype, shape, bytes });
  }
  return all;
}
