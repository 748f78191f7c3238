/** Loads all tensors of a safetensors file as arrays, such as saveTensors and `capture --out` write. */
import { CheckpointError, UsageError } from '../base/errors.ts';
import { arrayFor, type DType, type Shape, size, type TypedArray } from '../base/tensor.ts';
import { readSafetensors, type StoredDType, type StoredTensor } from './safetensors.ts';
import type { Source } from './source.ts';

/** The numbers of a tensor in row-major order; f16 and bf16 as their bits, in a Uint16Array. */
export interface LoadedTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: TypedArray;
}

/** The types for which there are arrays. */
const TYPES = { F32: 'f32', F16: 'f16', BF16: 'bf16', I32: 'i32', I8: 'i8', U8: 'u8' } as const;

const isReadable = (dtype: StoredDType): dtype is keyof typeof TYPES => Object.hasOwn(TYPES, dtype);

/**
 * Reads all tensors and closes the source. Names, types, shapes and offsets are checked against the size of the file before memory is
 * allocated. Throws CheckpointError when the file is damaged or has other types, UsageError when a tensor does not fit into memory.
 */
export async function readTensors(source: Source, signal?: AbortSignal): Promise<Map<string, LoadedTensor>> {
  try {
    const stored = await readSafetensors(source);
    const typed = stored.map((tensor) => ({ tensor, dtype: typeOf(tensor) }));
    const loaded = new Map<string, LoadedTensor>();
    for (const { tensor, dtype } of typed) {
      const bytes = newBytes(tensor);
      await tensor.read(0, bytes, signal);
      const data = arrayFor(dtype, bytes.buffer, 0, size(tensor.shape));
      loaded.set(tensor.name, { shape: tensor.shape, dtype, data });
    }
    return loaded;
  } finally {
    await source.close();
  }
}

function typeOf({ name, dtype, file }: StoredTensor): DType {
  if (isReadable(dtype)) return TYPES[dtype];
  throw new CheckpointError(
    `${file}: '${name}' is ${dtype}, wanted one of ${Object.keys(TYPES).join(', ')}: save it as one of these.`,
  );
}

function newBytes({ name, byteLength, file }: StoredTensor): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(byteLength);
  } catch (error) {
    throw new UsageError(`${file}: '${name}' has ${byteLength} bytes, for which there is no memory.`, { cause: error });
  }
}
