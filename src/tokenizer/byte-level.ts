/**
 * The byte alphabet of GPT-2: vocabularies of byte-level BPE write every byte as one printable character. Printable bytes of Latin-1 are
 * written as themselves, the other 68 as U+0100, U+0101, … in order of the byte (openai/gpt-2, encoder.py).
 */

const printsInLatin1 = (byte: number) =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);

const charOfByte: string[] = [];
const byteOfChar = new Map<string, number>();
for (let byte = 0, moved = 0; byte < 256; byte++) {
  const char = String.fromCharCode(printsInLatin1(byte) ? byte : 0x100 + moved++);
  charOfByte.push(char);
  byteOfChar.set(char, byte);
}

const encoder = new TextEncoder();

/** Writes a text in the byte alphabet: one character for each byte of its UTF-8. */
export function spellBytes(text: string): string {
  let spelled = '';
  let done = 0;
  let i = 0;
  for (; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7e) break;
    if (unit > 0x20) continue;
    spelled += text.slice(done, i) + charOfByte[unit];
    done = i + 1;
  }
  // ASCII needs no encoder, which is slow on single words.
  if (i === text.length) return done === 0 ? text : spelled + text.slice(done);
  spelled = '';
  for (const byte of encoder.encode(text)) spelled += charOfByte[byte];
  return spelled;
}

/** Bytes of a token. One with characters outside the alphabet, such as an added token with spaces, is its own UTF-8. */
export function bytesOf(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const char of token) {
    const byte = byteOfChar.get(char);
    if (byte === undefined) return encoder.encode(token);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
