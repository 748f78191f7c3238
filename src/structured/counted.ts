/**
 * Languages whose texts also pass a count: strings of some length, numbers that are multiples of another. Each state of the automaton is joined with
 * what was counted on the way to it; what cannot end any more is left out.
 */
import { UsageError } from '../base/errors.ts';
import { Automaton, type AutomatonState, unitsAfter } from './automaton.ts';
import { type CodePoints, type Expression, either, empty, nothing, reference, sequence } from './expression.ts';
import { productive } from './productive.ts';

/** Numbers that are counted along a text, from 0. */
export interface Count {
  /** After another unit of the text; undefined when none may follow. */
  readonly after: (count: number, unit: number) => number | undefined;
  /** May the text end with this count? */
  readonly accepts: (count: number) => boolean;
  /** Do units count differently? Otherwise those of a range are looked at together. */
  readonly tellsApart: boolean;
}

/** Pairs of a state and a count: some megabytes, made in some ten milliseconds. */
const MAX_PAIRS = 10_000;

/**
 * Units are those of `language`: bytes, or code points, which `write` turns into bytes. `nothing` when no text passes. Throws UsageError when there are too
 * many pairs.
 */
export function counted(language: Expression, count: Count, write: (units: CodePoints) => Expression): Expression {
  if (!productive(language).has(language)) return nothing;
  const automaton = new Automaton(language);
  const numbers = new Map<AutomatonState, number>();
  const made = new Map<string, Expression>();
  const open: { readonly key: string; readonly state: AutomatonState; readonly counted: number }[] = [];
  const pairs = new Set<string>();
  const written = new Map<string, Expression>();
  const keyOf = (state: AutomatonState, counted: number): string => {
    const number = numbers.get(state) ?? numbers.size;
    numbers.set(state, number);
    const key = `${number} ${counted}`;
    if (pairs.has(key)) return key;
    if (pairs.size === MAX_PAIRS) throw new UsageError('the wanted form is too complicated: it has to count too far.');
    pairs.add(key);
    open.push({ key, state, counted });
    return key;
  };
  const writtenOnce = (units: CodePoints): Expression => {
    const key = units.join();
    const known = written.get(key) ?? write(units);
    written.set(key, known);
    return known;
  };
  const first = keyOf(automaton.start(), 0);
  for (let pair = open.pop(); pair; pair = open.pop()) {
    const { key, state, counted } = pair;
    const byNext = new Map<string, [number, number][]>();
    for (const [from, to] of unitsAfter(state, { single: count.tellsApart })) {
      const after = count.after(counted, from);
      const next = after === undefined ? null : automaton.step(state, from);
      if (!next) continue;
      const nextKey = keyOf(next, after as number);
      const ranges = byNext.get(nextKey) ?? [];
      byNext.set(nextKey, ranges);
      const last = ranges.at(-1);
      if (last && last[1] + 1 === from) last[1] = to;
      else ranges.push([from, to]);
    }
    const goesOn = [...byNext].map(([next, ranges]) =>
      sequence(
        writtenOnce(ranges),
        reference(() => made.get(next) as Expression),
      ),
    );
    made.set(key, either(...goesOn, ...(state.accepts && count.accepts(counted) ? [empty] : [])));
  }
  const all = made.get(first) as Expression;
  return productive(all).has(all) ? all : nothing;
}

/** Texts of `min` to `max` units. */
export const lengthCount = (min: number, max: number): Count => ({
  // With no upper bound all lengths from `min` on are alike.
  after: (count) =>
    count === max ? undefined : max === Number.POSITIVE_INFINITY ? Math.min(min, count + 1) : count + 1,
  accepts: (count) => count >= min,
  tellsApart: false,
});

const ZERO = 0x30;

/** Decimal numbers whose digits, without the point, are a multiple of `divisor`. */
export const multipleCount = (divisor: number): Count => ({
  after: (count, byte) => (byte < ZERO ? count : (10 * count + byte - ZERO) % divisor),
  accepts: (count) => count === 0,
  tellsApart: true,
});
