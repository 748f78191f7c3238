/**
 * Pre-tokenizers of tokenizer.json: divide a text into words; no token extends over two of them (pre_tokenizers/ of
 * huggingface/tokenizers).
 */
import { spellBytes } from './byte-level.ts';
import { byteLevelWords } from './byte-level-words.ts';
import { componentsOf } from './components.ts';
import { at, flagAt, type Place, textAt, wrong } from './json.ts';
import { readMetaspace } from './metaspace.ts';
import { escaped, matcherOf, readPattern } from './pattern.ts';
import { PUNCTUATION } from './punctuation.ts';
import { type Behavior, readBehavior, splitter } from './split.ts';

/** `isFirst`: is this the start of the whole text? */
export type PreTokenizer = (text: string, isFirst: boolean) => string[];

/** The meaning of \w in the reference's own pre-tokenizers (Rust's crate regex). */
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';

/** `prefixSpace` overrides whether ByteLevel adds a space before a text. Throws CheckpointError on an unknown pre-tokenizer. */
export function readPreTokenizer(place: Place, prefixSpace?: boolean): PreTokenizer {
  const [only, ...others] = componentsOf(place, 'pretokenizers').flatMap((part) => readSteps(part, prefixSpace));
  if (!only) return (text) => [text];
  return (text, isFirst) => others.reduce((pieces, step) => splitAll(text, pieces, step, isFirst), only(text, isFirst));
}

function splitAll(text: string, pieces: readonly string[], step: PreTokenizer, isFirst: boolean): string[] {
  const parts: string[] = [];
  let begins = isFirst;
  for (const piece of pieces) {
    // The first word may not be at position 0, when text before it was removed.
    for (const part of step(piece, begins && text.startsWith(piece))) parts.push(part);
    begins = false;
  }
  return parts;
}

function readSteps(part: Place, prefixSpace: boolean | undefined): PreTokenizer[] {
  const type = at(part, 'type');
  const behavior = at(part, 'behavior');
  switch (type.value) {
    case 'ByteLevel': {
      const addPrefixSpace = prefixSpace ?? flagAt(at(part, 'add_prefix_space'), true);
      const words = flagAt(at(part, 'use_regex'), true) ? byteLevelWords : (text: string) => [text];
      return [(text) => spellAll(words(addPrefixSpace && !text.startsWith(' ') ? ` ${text}` : text))];
    }
    case 'Digits':
      return [charSplitter('\\p{N}', flagAt(at(part, 'individual_digits'), false) ? 'Isolated' : 'Contiguous')];
    case 'Punctuation':
      return [charSplitter(PUNCTUATION, readBehavior(behavior, 'Isolated'))];
    case 'Split':
      return [splitter(readPattern(at(part, 'pattern')), readBehavior(behavior), flagAt(at(part, 'invert'), false))];
    case 'Metaspace':
      return [readMetaspace(part).pieces];
    case 'WhitespaceSplit':
      return [charSplitter('\\p{White_Space}', 'Removed')];
    case 'Whitespace':
      return [
        splitter(matcherOf(new RegExp(`[^${WORD}\\p{White_Space}]+|\\p{White_Space}+`, 'gu')), 'Isolated'),
        withoutSpace,
      ];
    case 'BertPreTokenizer':
      return [charSplitter('\\p{White_Space}', 'Removed'), charSplitter(PUNCTUATION, 'Isolated')];
    case 'CharDelimiterSplit':
      return [splitter(matcherOf(new RegExp(escaped(textAt(at(part, 'delimiter'))), 'gu')), 'Removed')];
    default:
      throw wrong(
        type,
        'a supported pre-tokenizer: BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation, Split, Whitespace, ' +
          'WhitespaceSplit or Sequence',
      );
  }
}

function spellAll(words: string[]): string[] {
  for (let i = 0; i < words.length; i++) words[i] = spellBytes(words[i] as string);
  return words;
}

/** Splits at every character of a class. */
function charSplitter(members: string, behavior: Behavior): PreTokenizer {
  return splitter(matcherOf(new RegExp(`[${members}]`, 'gu')), behavior);
}

/** Drops a word of white space. */
function withoutSpace(text: string): string[] {
  return /^\p{White_Space}/u.test(text) ? [] : [text];
}
