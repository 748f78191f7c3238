/**
 * Where a text too long to be encoded at once is cut: after a line end, where the ids of both sides are those of the whole. That is tried out with
 * the text around it, because it depends on the tokenizer.
 */
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** Characters on each side of a cut with which it is tried. */
const CONTEXT = 256;
const MAX_TRIES = 64;

/**
 * Returns where to cut, above 0. Where no line end will do, as with tokenizers that put a space in front of every text, the cut is after the last line
 * end all the same, and the ids next to it may differ from those of the whole text.
 */
export function cutOf(text: string, tokenizer: Tokenizer): number {
  const encode = (part: string) => tokenizer.encode(part, { addSpecialTokens: false });
  let end = text.length - CONTEXT;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const at = text.lastIndexOf('\n', end) + 1;
    if (at <= CONTEXT) break;
    end = at - 2;
    const before = text.slice(at - CONTEXT, at);
    const after = text.slice(at, at + CONTEXT);
    if (/\s$/.test(before.slice(0, -1)) || /^\s/.test(after)) continue; // runs of space are often one token
    const parts = [...encode(before), ...encode(after)];
    const whole = encode(before + after);
    if (whole.length === parts.length && whole.every((id, i) => id === parts[i])) return at;
  }
  const lineEnd = text.lastIndexOf('\n') + 1;
  if (lineEnd > text.length / 2) return lineEnd;
  const isHalf = /[\uD800-\uDBFF]/.test(text.at(-1) ?? '');
  return isHalf && text.length > 1 ? text.length - 1 : text.length;
}
