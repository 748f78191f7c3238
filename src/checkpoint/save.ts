/** Writes tensors as one safetensors file, or as shards with an index, in chunks, so that they are never all in memory. */
import { type StoredDType, safetensorsHeader, storedBytes } from './safetensors.ts';

/** A tensor to be written to a file. */
export interface SavedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: StoredDType;
  /** Its numbers in row-major order, little-endian. */
  bytes(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export interface SavedFile {
  readonly name: string;
  bytes(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Default size of shards, as in transformers; a larger tensor gets a shard of its own. */
const MAX_SHARD_BYTES = 5e9;

/** The bytes of one safetensors file. */
export async function* safetensorsBytes(
  tensors: readonly SavedTensor[],
  metadata?: Readonly<Record<string, string>>,
): AsyncGenerator<Uint8Array> {
  yield safetensorsHeader(tensors, metadata);
  for (const tensor of tensors) yield* tensor.bytes();
}

export interface SaveOptions {
  readonly maxShardBytes?: number | undefined;
  /** Metadata of each file. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** The files of a checkpoint: `model.safetensors`, or shards and their index. */
export function checkpointFiles(
  tensors: readonly SavedTensor[],
  { maxShardBytes = MAX_SHARD_BYTES, metadata }: SaveOptions = {},
): SavedFile[] {
  const bytesOf = ({ shape, dtype }: SavedTensor) => storedBytes(shape, dtype);
  const shards: SavedTensor[][] = [[]];
  let room = maxShardBytes;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor);
    if (bytes > room && (shards.at(-1) as SavedTensor[]).length > 0) {
      shards.push([]);
      room = maxShardBytes;
    }
    (shards.at(-1) as SavedTensor[]).push(tensor);
    room -= bytes;
  }
  if (shards.length === 1) return [{ name: 'model.safetensors', bytes: () => safetensorsBytes(tensors, metadata) }];
  const number = (n: number) => String(n).padStart(5, '0');
  const files = shards.map((shard, i) => ({
    name: `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`,
    bytes: () => safetensorsBytes(shard, metadata),
  }));
  const weightMap = shards.flatMap((shard, i) => shard.map(({ name }) => [name, files[i]?.name]));
  const index = {
    metadata: { total_size: tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0) },
    weight_map: Object.fromEntries(weightMap),
  };
  const json = new TextEncoder().encode(`${JSON.stringify(index, null, 2)}\n`);
  return [...files, { name: 'model.safetensors.index.json', bytes: () => [json] }];
}
