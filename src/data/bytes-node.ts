/** The bytes of a file as a stream, unpacked where it is packed. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { UsageError } from '../base/errors.ts';
import type { DataFile } from './files-node.ts';

const CHUNK_BYTES = 1 << 20;

export interface Chunk {
  readonly bytes: Uint8Array;
  /** Bytes of the file that were read so far. */
  readonly bytesRead: number;
}

/** From byte `offset` on, counted after unpacking. Throws UsageError when the file cannot be read or unpacked. */
export async function* bytesFrom({ path, isGzip }: DataFile, offset: number): AsyncGenerator<Chunk> {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES, start: isGzip ? 0 : offset });
  const unpacker = createGunzip({ chunkSize: CHUNK_BYTES });
  if (isGzip) file.on('error', (error) => unpacker.destroy(error)).pipe(unpacker);
  const stream: AsyncIterable<Uint8Array> = isGzip ? unpacker : file;
  let skip = isGzip ? offset : 0;
  try {
    for await (const chunk of stream) {
      const bytes = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - bytes.length;
      yield { bytes, bytesRead: isGzip ? file.bytesRead : offset + file.bytesRead };
    }
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}.`, { cause: error });
  } finally {
    file.destroy();
    unpacker.destroy();
  }
}
