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

export const digit = byteRange(0x30, 0x39);
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

const plainCharacter = characters(PLAIN);
const plainRest = repeat(plainCharacter);

/** A string without escapes that is none of these. */
export function stringExcept(names: readonly string[]): Expression {
  /** One character that is none of these; the same expression for the same ones, of which long lists of names have few. */
  const made = new Map([['', plainCharacter]]);
  const otherThan = (some: readonly string[]): Expression => {
    const key = [...some].sort().join('');
    const codes = some.map((one) => one.codePointAt(0) as number);
    const found =
      made.get(key) ?? characters(codes.reduce<CodePoints>((left, code) => without(left, [[code, code]]), PLAIN));
    made.set(key, found);
    return found;
  };
  /** What may stand from character `at` on, where all these names agree before it. */
  const after = (some: readonly string[][], at: number): Expression => {
    const byNext = new Map<string, string[][]>();
    for (const name of some) {
      const next = name[at];
      if (next === undefined) continue;
      const alike = byNext.get(next);
      if (alike) alike.push(name);
      else byNext.set(next, [name]);
    }
    return either(
      sequence(otherThan([...byNext.keys()]), plainRest),
      ...[...byNext].map(([next, those]) => sequence(literal(next), after(those, at + 1))),
      ...(some.some(({ length }) => length === at) ? [] : [literal('')]),
    );
  };
  // Names that need an escape are none of these anyway.
  const written = names.filter((name) => JSON.stringify(name) === `"${name}"`);
  return quoted(
    after(
      written.map((name) => Array.from(name)),
      0,
    ),
  );
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
