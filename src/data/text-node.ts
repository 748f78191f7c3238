/** Reads plain text files: each one document, or several with a text between them. Long documents come in pieces. */
import { UsageError } from '../base/errors.ts';
import { bytesFrom } from './bytes-node.ts';
import type { DataFile } from './files-node.ts';
import type { SourceItem, SourcePlace } from './source-item.ts';

/** Characters that are encoded at once, of a document that is longer. */
export const PIECE_CHARACTERS = 4 << 20;

export interface TextReadOptions {
  readonly separator?: string | undefined;
  /** Where to cut a text that is too long. */
  readonly cut: (text: string) => number;
  readonly pieceCharacters?: number | undefined;
}

const BYTE_ORDER_MARK = '\uFEFF';

/** Throws UsageError when the file is no text in UTF-8. */
export async function* readTextFile(
  file: DataFile,
  options: TextReadOptions,
  from: SourcePlace,
): AsyncGenerator<SourceItem> {
  const { separator, cut, pieceCharacters = PIECE_CHARACTERS } = options;
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let text = '';
  let { offset, isWithin } = from;
  let bytesRead = 0;
  let searched = 0; // characters in which no separator begins
  const item = (piece: string, taken: string, isLast: boolean): SourceItem => {
    const part = { isFirst: !isWithin, isLast };
    offset += Buffer.byteLength(taken);
    text = text.slice(taken.length);
    searched = 0;
    isWithin = !isLast;
    return { document: { kind: 'text', text: piece }, part, next: { offset, line: 0, isWithin }, bytesRead };
  };
  /** What is certain of the text so far. Depends on the text alone, not on how much of it was read at once. */
  function* whole(): Generator<SourceItem> {
    const margin = separator?.length ?? 0;
    for (;;) {
      const found = separator === undefined ? -1 : text.indexOf(separator, searched);
      searched = Math.max(0, text.length - margin);
      if (found >= 0 && found <= pieceCharacters) yield item(text.slice(0, found), text.slice(0, found + margin), true);
      else if (text.length - margin <= pieceCharacters) return;
      else {
        const piece = text.slice(0, cut(text.slice(0, pieceCharacters)));
        yield item(piece, piece, false);
      }
    }
  }
  let taken = offset; // bytes that were given to the decoder
  let before: Uint8Array = new Uint8Array(); // those of the last chunk
  const decode = (bytes?: Uint8Array) => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch (error) {
      const decoded = offset + Buffer.byteLength(text); // without a character that is cut by the end of the last chunk
      const begun = before.subarray(before.length - (taken - decoded));
      const at = decoded + validBytes(Buffer.concat([begun, bytes ?? new Uint8Array()]));
      const wrong = bytes ? `byte ${at}, counted from 0, cannot stand there` : 'its last character is cut off';
      throw new UsageError(`${file.path} is no text in UTF-8: ${wrong}. Save it in UTF-8, or leave it out.`, {
        cause: error,
      });
    }
  };
  for await (const chunk of bytesFrom(file, offset)) {
    text += decode(chunk.bytes);
    taken += chunk.bytes.length;
    before = chunk.bytes;
    if (offset === 0 && text.startsWith(BYTE_ORDER_MARK)) {
      text = text.slice(1);
      offset += Buffer.byteLength(BYTE_ORDER_MARK);
    }
    bytesRead = chunk.bytesRead;
    yield* whole();
  }
  text += decode();
  yield* whole();
  if (text !== '' || isWithin) yield item(text, text, true);
}

/** How many of these bytes are text in UTF-8, with a character that is cut by their end. */
function validBytes(bytes: Uint8Array): number {
  let [low, high] = [0, bytes.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      low = middle;
    } catch {
      high = middle - 1;
    }
  }
  return low;
}
