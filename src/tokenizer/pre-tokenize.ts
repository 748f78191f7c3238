/**
 * Normalisers and pre-tokenizers of tokenizer.json: text -> words, within which the merges of BPE stay. The patterns are those
 * of the reference (huggingface/tokenizers), where \s is the white space of Unicode and a digit any character of \p{N}.
 */

import { CheckpointError } from '../errors.ts';
import { at, flagAt, isAbsent, listAt, objectAt, type Place, textAt, wrong } from './json.ts';
import { SplitPreTokenizer } from './library.ts';
import { orderMarks } from './mark-order.ts';

export type Normalizer = (text: string) => string;
export type PreTokenizer = (text: string) => string[];

/** What byte-level BPE of GPT-2 splits by (openai/gpt-2, encoder.py). */
const GPT2_WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const MAX_DEPTH = 8; // of sequences in sequences; real files have one
const MAX_PATTERN = 10_000; // characters; the longest real one has some 300

const UNICODE_FORMS = ['NFC', 'NFD', 'NFKC', 'NFKD'] as const;

/** Throws CheckpointError on a normaliser that is not understood. */
export function readNormalizer(place: Place): Normalizer {
  const forms = flatten(place, 'normalizers').map((part) => {
    const type = at(part, 'type');
    const form = UNICODE_FORMS.find((name) => name === type.value);
    if (!form) throw wrong(type, `a normaliser of byte-level BPE: ${UNICODE_FORMS.join(', ')} or Sequence`);
    return form;
  });
  if (forms.length === 0) return (text) => text;
  return (text) => forms.reduce((normal, form) => normal.normalize(form), orderMarks(text));
}

/** The last step must be ByteLevel. `prefixSpace` overrides whether it puts a space before a text. */
export function readPreTokenizer(place: Place, prefixSpace?: boolean): PreTokenizer {
  const parts = flatten(place, 'pretokenizers');
  const last = parts.at(-1);
  if (!last || at(last, 'type').value !== 'ByteLevel')
    throw wrong(
      last ? at(last, 'type') : place,
      'ByteLevel as the last pre-tokenizer: only byte-level BPE is understood',
    );
  const steps = parts.flatMap((part) => readStep(part, part === last, prefixSpace));
  return (text) => steps.reduce((words, step) => words.flatMap(step), [text]);
}

function readStep(part: Place, isLast: boolean, prefixSpace: boolean | undefined): PreTokenizer[] {
  const type = at(part, 'type');
  switch (type.value) {
    case 'ByteLevel': {
      if (!isLast) throw wrong(type, 'ByteLevel in the last place only');
      const addPrefixSpace = prefixSpace ?? flagAt(at(part, 'add_prefix_space'), false);
      return [
        ...(addPrefixSpace ? [(text: string) => [text.startsWith(' ') ? text : ` ${text}`]] : []),
        ...(flagAt(at(part, 'use_regex'), true) ? [splitter({ Regex: GPT2_WORDS })] : []),
      ];
    }
    case 'Digits':
      return [splitter({ Regex: flagAt(at(part, 'individual_digits'), false) ? '\\p{N}' : '\\p{N}+' })];
    case 'Split':
      return [readSplit(part)];
    default:
      throw wrong(type, 'a pre-tokenizer of byte-level BPE: ByteLevel, Digits, Split or Sequence');
  }
}

function readSplit(part: Place): PreTokenizer {
  const place = objectAt(at(part, 'pattern'));
  const kind = ['Regex', 'String'].find((name) => !isAbsent(at(place, name)));
  if (!kind) throw wrong(place, 'an object with Regex or String');
  const pattern = textAt(at(place, kind));
  if (pattern === '' || pattern.length > MAX_PATTERN) throw wrong(at(place, kind), '1 to 10000 characters');
  const behavior = at(part, 'behavior');
  const invert = flagAt(at(part, 'invert'), false);
  // 'Removed' and inverted: only what matches is kept. Isolated, what matches and what lies between, inverted or not.
  if (behavior.value !== 'Isolated' && !(behavior.value === 'Removed' && invert))
    throw wrong(behavior, "'Isolated', or 'Removed' with invert");
  try {
    const split = splitter(kind === 'Regex' ? { Regex: pattern } : { String: pattern }, behavior.value === 'Removed');
    split('a'); // a pattern that is too large is found out by its first use
    return split;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CheckpointError(`${place.path}.${kind} is no pattern that this engine understands: ${reason}`);
  }
}

/** The library turns patterns of Oniguruma into those of JavaScript, with the white space and the digits of Unicode. */
function splitter(pattern: { Regex: string } | { String: string }, invert = false): PreTokenizer {
  const split = new SplitPreTokenizer({ type: 'Split', pattern, invert, behavior: 'Isolated' });
  return (text) => split.pre_tokenize_text(text);
}

/** The parts of a component in order, with those of sequences in their place. */
function flatten(place: Place, listKey: string, depth = 0): Place[] {
  if (isAbsent(place)) return [];
  if (depth > MAX_DEPTH) throw wrong(place, `at most ${MAX_DEPTH} sequences in one another`);
  objectAt(place);
  if (at(place, 'type').value !== 'Sequence') return [place];
  return listAt(at(place, listKey)).flatMap((part) => flatten(objectAt(part), listKey, depth + 1));
}
