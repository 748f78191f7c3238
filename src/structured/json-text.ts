/** JSON as languages of bytes: values of every kind, written without white space but for one space after a colon or comma. */
import {
  byteRange,
  type CodePoints,
  characters,
  type Expression,
  either,
  intersection,
  literal,
  MAX_CODE_POINT,
  reference,
  repeat,
  sequence,
  without,
} from './expression.ts';

const digit = byteRange(0x30, 0x39);
const digitFromOne = byteRange(0x31, 0x39);
const hex = either(digit, byteRange(0x41, 0x46), byteRange(0x61, 0x66));
const optional = (part: Expression) => repeat(part, 0, 1);

/** All characters that stand in a string as they are. */
const PLAIN: CodePoints = without(
  [[0x20, MAX_CODE_POINT]],
  [
    [0x22, 0x22],
    [0x5c, 0x5c],
  ],
);

/** \uXXXX of what is no half of a surrogate pair. */
const unicodeEscape = sequence(
  literal('\\u'),
  either(
    sequence(
      either(digit, byteRange(0x41, 0x43), byteRange(0x45, 0x46), byteRange(0x61, 0x63), byteRange(0x65, 0x66)),
      hex,
    ),
    sequence(either(literal('d'), literal('D')), byteRange(0x30, 0x37)),
  ),
  hex,
  hex,
);
const shortEscape = sequence(literal('\\'), either(...Array.from('"\\/bfnrt', literal)));

/** One character in a string. */
const stringCharacter = either(characters(PLAIN), shortEscape, unicodeEscape);

export const quoted = (content: Expression): Expression => sequence(literal('"'), content, literal('"'));

export const stringOf = (min = 0, max = Number.POSITIVE_INFINITY): Expression =>
  quoted(repeat(stringCharacter, min, max));

export const anyString = stringOf();

/** One character of a set, as a string of JSON has it: escaped where it has to be. */
export function escapedCharacters(set: CodePoints): Expression {
  const needing = without(set, PLAIN).flatMap(([from, to]) => {
    const all = Array.from({ length: Math.min(to, 0x5c) - from + 1 }, (_, i) => String.fromCodePoint(from + i));
    return all.map((one) => literal(JSON.stringify(one).slice(1, -1)));
  });
  return either(characters(intersection(set, PLAIN)), ...needing);
}

/** A string without escapes that is none of these. */
export function stringExcept(names: readonly string[]): Expression {
  const after = (prefix: string): Expression => {
    const here = names.filter((name) => name.startsWith(prefix));
    const nexts = [
      ...new Set(
        here.flatMap((name) =>
          name === prefix ? [] : [String.fromCodePoint(name.codePointAt(prefix.length) as number)],
        ),
      ),
    ];
    const other = without(
      PLAIN,
      nexts.map((next) => [next.codePointAt(0) as number, next.codePointAt(0) as number]),
    );
    const rest = [
      sequence(characters(other), repeat(characters(PLAIN))),
      ...nexts.map((next) => sequence(literal(next), after(prefix + next))),
    ];
    return either(...rest, ...(names.includes(prefix) ? [] : [literal('')]));
  };
  return quoted(after(''));
}

/** As many digits as numbers of JavaScript hold without rounding. */
export const MAX_DIGITS = 15;

export const anyInteger = sequence(
  optional(literal('-')),
  either(literal('0'), sequence(digitFromOne, repeat(digit, 0, MAX_DIGITS - 1))),
);

export const anyNumber = sequence(
  anyInteger,
  optional(sequence(literal('.'), repeat(digit, 1, MAX_DIGITS))),
  optional(
    sequence(either(literal('e'), literal('E')), optional(either(literal('+'), literal('-'))), repeat(digit, 1, 2)),
  ),
);

export const anyBoolean = either(literal('true'), literal('false'));

export const comma = sequence(literal(','), optional(literal(' ')));
export const colon = sequence(literal(':'), optional(literal(' ')));

/** Items between brackets, with commas. */
export const listOf = (item: Expression, min = 0, max = Number.POSITIVE_INFINITY): Expression => {
  if (max === 0) return literal('[]');
  const filled = sequence(item, repeat(sequence(comma, item), Math.max(0, min - 1), max - 1));
  return sequence(literal('['), min > 0 ? filled : optional(filled), literal(']'));
};

export const anyValue: Expression = reference(() => values);
export const anyArray = listOf(anyValue);
const anyPair = sequence(anyString, colon, anyValue);
export const anyObject = sequence(
  literal('{'),
  optional(sequence(anyPair, repeat(sequence(comma, anyPair)))),
  literal('}'),
);
const values = either(anyString, anyNumber, anyBoolean, literal('null'), anyArray, anyObject);

/** Whole numbers from `from` to `to`, without leading zeros. */
export function integersBetween(from: number, to: number): Expression {
  if (from > to) return either();
  if (to < 0) return sequence(literal('-'), integersBetween(-to, -from));
  if (from < 0) return either(sequence(literal('-'), integersBetween(1, -from)), integersBetween(0, to));
  const [shortest, longest] = [String(from).length, String(to).length];
  const parts: Expression[] = [];
  for (let length = shortest; length <= longest; length++) {
    const low = length === shortest ? String(from) : `1${'0'.repeat(length - 1)}`;
    const high = length === longest ? String(to) : '9'.repeat(length);
    parts.push(digitsBetween(low, high));
  }
  return either(...parts);
}

/** Numbers of one length. */
function digitsBetween(low: string, high: string): Expression {
  if (low === '') return literal('');
  const [a, b] = [low.charCodeAt(0), high.charCodeAt(0)];
  const [lower, upper] = [low.slice(1), high.slice(1)];
  if (/^0*$/.test(lower) && /^9*$/.test(upper))
    return sequence(byteRange(a, b), repeat(digit, lower.length, lower.length));
  const after = (first: number, some: Expression) => sequence(byteRange(first, first), some);
  if (a === b) return after(a, digitsBetween(lower, upper));
  const middle = a + 1 < b ? [sequence(byteRange(a + 1, b - 1), repeat(digit, lower.length, lower.length))] : [];
  return either(
    after(a, digitsBetween(lower, '9'.repeat(lower.length))),
    ...middle,
    after(b, digitsBetween('0'.repeat(upper.length), upper)),
  );
}
