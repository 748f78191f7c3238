/**
 * The normaliser Precompiled: a table of sentencepiece from sequences of bytes to texts, as a double-array trie (Darts), read as the crate
 * spm_precompiled does. A cluster of characters that is in the table is replaced as a whole, else each of its characters.
 */
import { type Place, textAt, wrong } from './json.ts';

const MAX_CLUSTER_BYTES = 6; // longer ones are only looked at character by character

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Base64 of: bytes of the trie (u32, little-endian), the trie (u32 each), the texts, each with a zero after it. */
export function readCharsMap(place: Place): (text: string) => string {
  const bytes = bytesOf(place);
  const view = new DataView(bytes.buffer);
  const trieBytes = bytes.length < 4 ? -1 : view.getUint32(0, true);
  if (trieBytes < 4 || trieBytes % 4 !== 0 || 4 + trieBytes > bytes.length)
    throw wrong(place, 'a table of sentencepiece, whose first number is the length of its trie');
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const texts = bytes.subarray(4 + trieBytes);
  const known = new Map<string, string | undefined>();
  const find = (text: string): string | undefined => {
    if (!known.has(text)) known.set(text, lookUp(units, texts, encoder.encode(text)));
    return known.get(text);
  };
  const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
  return (text) => {
    let normal = '';
    for (const { segment } of segmenter.segment(text)) {
      const whole = encoder.encode(segment).length < MAX_CLUSTER_BYTES ? find(segment) : undefined;
      if (whole !== undefined) normal += whole;
      else for (const char of segment) normal += find(char) ?? char;
    }
    return normal;
  };
}

function bytesOf(place: Place): Uint8Array {
  try {
    return Uint8Array.from(atob(textAt(place)), (char) => char.charCodeAt(0));
  } catch {
    throw wrong(place, 'a table of sentencepiece in base64');
  }
}

/** The text for the shortest beginning of `key` that the trie knows. */
function lookUp(units: Uint32Array, texts: Uint8Array, key: Uint8Array): string | undefined {
  let at = offset(units[0] ?? 0);
  for (const byte of key) {
    if (byte === 0) return undefined;
    at ^= byte;
    const unit = units[at];
    if (unit === undefined || (unit & 0x8000_00ff) !== byte) return undefined;
    at ^= offset(unit);
    if ((unit >>> 8) & 1) {
      const from = (units[at] ?? 0) & 0x7fff_ffff;
      const end = texts.indexOf(0, from);
      return decoder.decode(texts.subarray(from, end < 0 ? texts.length : end));
    }
  }
  return undefined;
}

function offset(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
