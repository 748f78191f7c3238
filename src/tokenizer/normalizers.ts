/** Normalisers of tokenizer.json: change a text before it is divided into words (normalizers/ of huggingface/tokenizers). */
import { spellBytes } from './byte-level.ts';
import { readCharsMap } from './chars-map.ts';
import { componentsOf } from './components.ts';
import { at, flagAt, type Place, textAt, wrong } from './json.ts';
import { orderMarks } from './mark-order.ts';
import { type Matcher, readPattern } from './pattern.ts';

export type Normalizer = (text: string) => string;

/** Throws CheckpointError on a normaliser that is not understood. */
export function readNormalizer(place: Place): Normalizer {
  const steps = componentsOf(place, 'normalizers').map(readStep);
  return (text) => steps.reduce((normal, step) => step(normal), text);
}

function readStep(part: Place): Normalizer {
  const type = at(part, 'type');
  switch (type.value) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = type.value;
      return (text) => orderMarks(text).normalize(form);
    }
    case 'Lowercase':
      return lowercase;
    case 'StripAccents':
      return (text) => text.replace(/\p{M}/gu, '');
    case 'Strip':
      return strip(flagAt(at(part, 'strip_left'), true), flagAt(at(part, 'strip_right'), true));
    case 'Prepend': {
      const before = textAt(at(part, 'prepend'));
      return (text) => (text === '' ? '' : before + text);
    }
    case 'Replace':
      return replacer(readPattern(at(part, 'pattern')), textAt(at(part, 'content')));
    case 'Nmt':
      return nmt;
    case 'ByteLevel':
      return spellBytes;
    case 'Precompiled':
      return readCharsMap(at(part, 'precompiled_charsmap'));
    default:
      throw wrong(
        type,
        'a supported normaliser: NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace, Nmt, ByteLevel, Precompiled or Sequence',
      );
  }
}

/** Character by character, so that a capital sigma is the same everywhere. */
function lowercase(text: string): string {
  return text.replace(/\u03a3/gu, '\u03c3').toLowerCase();
}

function strip(left: boolean, right: boolean): Normalizer {
  return (text) => {
    let start = 0;
    let end = text.length;
    if (left) while (start < end && isSpace(text, start)) start++;
    if (right) while (end > start && isSpace(text, end - 1)) end--;
    return text.slice(start, end);
  };
}

/** White space of Unicode lies in the basic plane. */
function isSpace(text: string, index: number): boolean {
  return /\p{White_Space}/u.test(text.charAt(index));
}

/** Replaces every match by `content`, literally. */
export function replacer(match: Matcher, content: string): Normalizer {
  return (text) => {
    let replaced = '';
    let done = 0;
    match(text, (start, end) => {
      replaced += text.slice(done, start) + content;
      done = end;
    });
    return done === 0 && replaced === '' ? text : replaced + text.slice(done);
  };
}

/** sentencepiece's Nmt: removes control characters, and makes every separator a space. */
function nmt(text: string): string {
  return text
    .replace(/\p{Cc}/gu, (char) => {
      if ('\t\n\f\r'.includes(char)) return ' ';
      const code = char.charCodeAt(0);
      return (code > 0 && code < 0x80) || code === 0x8f || code === 0x9f ? '' : char;
    })
    .replace(/[\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/gu, ' ');
}
