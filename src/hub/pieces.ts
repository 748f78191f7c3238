/** Files as they are stored by browsers: in pieces of one size, but for the last. */
import { CheckpointError } from '../base/errors.ts';
import { type Source, tooShort } from '../checkpoint/source.ts';
import type { ListedFile } from './listing.ts';

/** What a killed tab may lose. */
export const PIECE_BYTES = 16 << 20;

export const pieceCount = ({ bytes = 0 }: ListedFile) => Math.max(1, Math.ceil(bytes / PIECE_BYTES));

export const pieceBytes = ({ bytes = 0 }: ListedFile, piece: number) =>
  Math.max(0, Math.min(PIECE_BYTES, bytes - piece * PIECE_BYTES));

/** A file whose pieces are stored. */
export function piecesSource(name: string, { bytes: size = 0 }: ListedFile, blobs: readonly Blob[]): Source {
  return {
    name,
    size,
    async read(offset, into, signal) {
      const end = offset + into.length;
      if (end > size) throw tooShort(name, size, end);
      for (let at = offset; at < end; ) {
        signal?.throwIfAborted();
        const piece = Math.floor(at / PIECE_BYTES);
        const start = at - piece * PIECE_BYTES;
        const count = Math.min(PIECE_BYTES - start, end - at);
        const bytes = await (blobs[piece] as Blob)
          .slice(start, start + count)
          .arrayBuffer()
          .catch((error: Error) => {
            throw new CheckpointError(
              `${name} cannot be read from the storage of the browser: ${error.message}. Load it again.`,
            );
          });
        into.set(new Uint8Array(bytes), at - offset);
        at += count;
      }
    },
    close: async () => {},
  };
}
