/**
 * Patterns of tokenizer.json: a literal text, or a regular expression of Oniguruma in Ruby's syntax, which oniguruma-to-es converts to
 * JavaScript.
 */
import { toRegExp } from 'oniguruma-to-es';
import { CheckpointError, UsageError } from '../base/errors.ts';
import { at, isAbsent, objectAt, type Place, textAt, wrong } from './json.ts';

/** Calls `visit` with the begin and the end of every match, in order. Matches do not overlap, but may be empty. */
export type Matcher = (text: string, visit: (start: number, end: number) => void) => void;

const MAX_PATTERN = 10_000; // characters; the longest real one has some 300

/** Reads an object with String or Regex. Throws CheckpointError on an expression that cannot be converted to JavaScript. */
export function readPattern(place: Place): Matcher {
  const kind = ['Regex', 'String'].find((name) => !isAbsent(at(objectAt(place), name)));
  if (!kind) throw wrong(place, 'an object with Regex or String');
  const pattern = textAt(at(place, kind));
  if (pattern.length > MAX_PATTERN) throw wrong(at(place, kind), `at most ${MAX_PATTERN} characters`);
  if (kind === 'String') return pattern === '' ? () => {} : matcherOf(new RegExp(escaped(pattern), 'gu'));
  try {
    const regex = toRegExp(withWordsOfReference(pattern), { global: true });
    regex.test('a'); // an expression that is too large is found out by its first use
    return matcherOf(regex);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CheckpointError(
      `${place.path}.${kind} is no pattern that this engine understands: ${reason.slice(0, 200)}`,
    );
  }
}

/** Makes a matcher of an expression with the flag g, and u or v. An empty match just after another is skipped, as in the reference. */
export function matcherOf(regex: RegExp): Matcher {
  return (text, visit) => {
    let last = -1;
    regex.lastIndex = 0;
    for (;;) {
      const match = execute(regex, text);
      if (!match) return;
      const start = match.index;
      const end = start + match[0].length;
      if (end > start || start !== last) {
        visit(start, end);
        last = end;
      }
      if (end === start) regex.lastIndex = end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
    }
  };
}

/**
 * Runs a regular expression. Engines store a position for backtracking for every character of a repetition, in memory of fixed size; a
 * clear error is thrown when that is full.
 */
function execute(regex: RegExp, text: string): RegExpExecArray | null {
  const from = regex.lastIndex;
  try {
    return regex.exec(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(
      `the text has a run of letters, spaces or other characters, from its character ${from} on, that is too long for a pattern of this tokenizer: ` +
        'some 2^21 characters are the most. Break it up by spaces or line ends.',
    );
  }
}

/** The meaning of \w in the reference (inside and outside of a class), and of \b; oniguruma-to-es follows another version of Oniguruma. */
const WORD_IN_CLASS = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}';
const WORD = `${WORD_IN_CLASS}\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}`;

const BOUNDARIES = {
  '\\b': `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`,
  '\\B': `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`,
};

function withWordsOfReference(pattern: string): string {
  let depth = 0;
  return pattern.replace(/\\[\s\S]|[[\]]/g, (part) => {
    if (part === '[') depth++;
    if (part === ']' && depth > 0) depth--;
    if (part === '\\b' || part === '\\B') return depth > 0 ? part : BOUNDARIES[part];
    const members = depth > 0 ? WORD_IN_CLASS : WORD;
    if (part === '\\w') return `[${members}]`;
    return part === '\\W' ? `[^${members}]` : part;
  });
}

/** With the flag u, only characters of the syntax may be escaped. */
export function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
