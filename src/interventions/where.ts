/** Where an intervention holds: positions of a sequence and tokens. */
import { UsageError } from '../base/errors.ts';
import type { Where } from './intervention.ts';

/** Positions from..to, the end exclusive. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export const EVERYWHERE: Range = { from: 0, to: Number.POSITIVE_INFINITY };

/** Throws UsageError when the positions can never hold. */
export function checkWhere({ positions, from = 0, to = Number.POSITIVE_INFINITY }: Where, name: string): void {
  if (from >= to) throw new UsageError(`${name} holds from ${from} to ${to}, and the end is exclusive: nowhere.`);
  if (!positions || isList(positions)) return;
  const { from: first = 0, to: end = Number.POSITIVE_INFINITY } = positions;
  if (first >= end && first < 0 === end < 0)
    throw new UsageError(`${name} has positions from ${first} to ${end}, and the end is exclusive: that is none.`);
}

const isList = (positions: NonNullable<Where['positions']>): positions is readonly number[] => Array.isArray(positions);

/** The ranges of positions in a text whose prompt has `length` tokens, in the order in which they were given. */
export function rangesOf(where: Where, length: number): Range[] {
  const generated = generatedRange(where, length);
  return namedRanges(where, length).flatMap((range) => cut(range, generated));
}

/** The positions as they were given, whether the text has them or not. */
export function namedRanges({ positions }: Pick<Where, 'positions'>, length: number): Range[] {
  const place = (position: number) => (position < 0 ? length + position : position);
  if (positions === undefined) return [EVERYWHERE];
  return isList(positions)
    ? positions.map((position) => ({ from: place(position), to: place(position) + 1 }))
    : [{ from: place(positions.from ?? 0), to: place(positions.to ?? Number.POSITIVE_INFINITY) }];
}

/** Positions whose predictions are generated tokens from..to: the last token of the prompt predicts token 0. */
export function generatedRange({ from, to }: Pick<Where, 'from' | 'to'>, length: number): Range {
  return {
    from: from === undefined ? 0 : Math.max(0, length - 1 + from),
    to: to === undefined ? Number.POSITIVE_INFINITY : length - 1 + to,
  };
}

/** What two ranges share: one range, or none. */
export function cut(a: Range, b: Range): Range[] {
  const both = { from: Math.max(a.from, b.from, 0), to: Math.min(a.to, b.to) };
  return both.from < both.to ? [both] : [];
}

export const holdsAt = (ranges: readonly Range[], position: number): boolean =>
  ranges.some(({ from, to }) => position >= from && position < to);

/** Does any position of from..to lie in them? */
export const touches = (ranges: readonly Range[], from: number, to: number): boolean =>
  ranges.some((range) => range.from < to && range.to > from);
