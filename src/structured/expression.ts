/** Languages of bytes as expressions: ranges of bytes in sequence, as alternatives, repeated, and by reference, which makes them recursive. */

export type Expression =
  | { readonly kind: 'byte'; readonly from: number; readonly to: number }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  | { readonly kind: 'either'; readonly parts: readonly Expression[] }
  | { readonly kind: 'repeat'; readonly part: Expression; readonly min: number; readonly max: number }
  | { readonly kind: 'reference'; readonly to: () => Expression };

export const byteRange = (from: number, to: number): Expression => ({ kind: 'byte', from, to });
export const sequence = (...parts: readonly Expression[]): Expression => ({ kind: 'sequence', parts });
export const either = (...parts: readonly Expression[]): Expression => ({ kind: 'either', parts });
export const reference = (to: () => Expression): Expression => ({ kind: 'reference', to });
/** The empty text. */
export const empty: Expression = sequence();
/** No text at all. */
export const nothing: Expression = either();

export const repeat = (part: Expression, min = 0, max = Number.POSITIVE_INFINITY): Expression => ({
  kind: 'repeat',
  part,
  min,
  max,
});

const encoder = new TextEncoder();

export const literal = (text: string): Expression =>
  sequence(...Array.from(encoder.encode(text), (byte) => byteRange(byte, byte)));

/** Inclusive ranges of code points, ascending, without overlap. */
export type CodePoints = readonly (readonly [from: number, to: number])[];

/** One unit of a set: a byte, or a code point that is not written as bytes yet. */
export const ranges = (set: CodePoints): Expression => either(...set.map(([from, to]) => byteRange(from, to)));

export const MAX_CODE_POINT = 0x10ffff;
const SURROGATES = [0xd800, 0xdfff] as const;

/** One character of a set, as its UTF-8. */
export function characters(set: CodePoints): Expression {
  const whole = without(set, [SURROGATES]);
  return either(...whole.flatMap(([from, to]) => utf8Ranges(from, to)));
}

/** The code points of `set` that are not in `other`. */
export function without(set: CodePoints, other: CodePoints): CodePoints {
  let left = set;
  for (const [from, to] of other)
    left = left.flatMap(([a, b]) => {
      const parts: [number, number][] = [];
      if (a < from) parts.push([a, Math.min(b, from - 1)]);
      if (b > to) parts.push([Math.max(a, to + 1), b]);
      return parts;
    });
  return left;
}

export function intersection(set: CodePoints, other: CodePoints): CodePoints {
  return without(set, without([[0, MAX_CODE_POINT]], other));
}

/** The last code points whose UTF-8 has 1, 2, 3 and 4 bytes. */
const LIMITS = [0x7f, 0x7ff, 0xffff, MAX_CODE_POINT];

/** Sequences of ranges of bytes that are the UTF-8 of a range of code points. */
function utf8Ranges(from: number, to: number): Expression[] {
  const found: Expression[] = [];
  let begin = from;
  for (const limit of LIMITS) {
    if (begin > limit || begin > to) continue;
    found.push(...sameLength(bytesOf(begin), bytesOf(Math.min(to, limit))));
    begin = limit + 1;
  }
  return found;
}

const bytesOf = (codePoint: number): number[] => Array.from(encoder.encode(String.fromCodePoint(codePoint)));

/** All between two sequences of bytes of one length, where bytes after the first run from 0x80 to 0xbf. */
function sameLength(from: readonly number[], to: readonly number[]): Expression[] {
  const [a = 0, ...lower] = from;
  const [b = 0, ...upper] = to;
  if (lower.length === 0) return [byteRange(a, b)];
  const lowest = lower.map(() => 0x80);
  const highest = lower.map(() => 0xbf);
  const after = (first: number, low: readonly number[], high: readonly number[]) =>
    sameLength(low, high).map((rest) => sequence(byteRange(first, first), rest));
  if (a === b) return after(a, lower, upper);
  const middle =
    a + 1 <= b - 1 ? [sequence(byteRange(a + 1, b - 1), ...highest.map((high) => byteRange(0x80, high)))] : [];
  return [...after(a, lower, highest), ...middle, ...after(b, lowest, upper)];
}
