/**
 * Finds added tokens such as <|endoftext|> in a text, before any other step: the leftmost match, and the longest of those that begin at the
 * same position (added_vocabulary.rs of huggingface/tokenizers).
 */
import { escaped } from './pattern.ts';

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Is it omitted when special tokens are skipped? */
  readonly special: boolean;
  /** Is it searched in the normalised text, not in the original one? */
  readonly normalized: boolean;
  /** Must it be surrounded by characters that are not part of a word? */
  readonly singleWord: boolean;
  /** Does it include white space before it? */
  readonly lstrip: boolean;
  /** Does it include white space after it? */
  readonly rstrip: boolean;
}

/** Text that is still to be split, or the id of a token found in it. */
export type Section = string | number;

/** `literal`: treat special tokens as text. */
export type Cutter = (text: string, literal: boolean) => Section[];

const WORD_BEFORE = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const WORD_AFTER = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

/**
 * `spell` returns the text by which a token is found. Of two tokens with the same text, the first is used. An empty text has no sections.
 */
export function cutterFor(tokens: readonly AddedToken[], spell: (content: string) => string): Cutter {
  const bySpelling = new Map<string, AddedToken>();
  for (const token of tokens) {
    const spelling = spell(token.content);
    if (spelling !== '' && !bySpelling.has(spelling)) bySpelling.set(spelling, token);
  }
  if (bySpelling.size === 0) return (text) => (text === '' ? [] : [text]);
  // Alternatives are tried in order, so longer ones go first. Without the flag u a match could begin inside a pair of surrogates.
  const longestFirst = [...bySpelling.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map(escaped).join('|'), 'gu');
  return (text, literal) => {
    const sections: Section[] = [];
    let done = 0;
    for (const match of text.matchAll(pattern)) {
      const token = bySpelling.get(match[0]) as AddedToken;
      let start = match.index;
      let end = start + match[0].length;
      if (literal && token.special) continue;
      if (token.singleWord && insideWord(text, start, end)) continue;
      if (token.lstrip) while (start > done && isSpace(text, start - 1)) start--;
      if (token.rstrip) while (isSpace(text, end)) end++;
      // White space that belongs to the token before it.
      if (token.lstrip && start < done) start = done;
      if (start >= end) continue;
      if (start > done) sections.push(text.slice(done, start));
      sections.push(token.id);
      done = end;
    }
    if (done < text.length) sections.push(text.slice(done));
    return sections;
  };
}

function insideWord(text: string, start: number, end: number): boolean {
  // Two code units hold any one character.
  return WORD_BEFORE.test(text.slice(Math.max(0, start - 2), start)) || WORD_AFTER.test(text.slice(end, end + 2));
}

/** White space of Unicode, which has U+0085 and not U+FEFF; all of it lies in the basic plane. */
function isSpace(text: string, index: number): boolean {
  return index < text.length && /\p{White_Space}/u.test(text.charAt(index));
}
