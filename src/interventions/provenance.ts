/**
 * The interventions a state was made under: which of them affected it, and at which positions. Two states of the same tokens hold the same
 * numbers when these are equal.
 */
import { CheckpointError, UsageError } from '../base/errors.ts';
import { cut, type Range } from './where.ts';

/** The key of the intervention in that of a trace, which may say more behind it. */
export const interventionOf = (key: string): string => key.split(' ')[0] as string;

/** What the keys of adapters begin with: they stand among those of interventions, since a state depends on both. */
export const ADAPTER_KEY = 'adapter:';

/** Traces of interventions: by key, the positions. */
export type TraceList = readonly (readonly [key: string, ranges: readonly Range[]])[];

/** Interventions that affect states (leave traces). */
export interface Traces {
  /** Those in positions from..to. */
  traces(from: number, to: number): TraceList;
}

export interface Segment {
  /** Tokens from..to were read under it. */
  readonly from: number;
  readonly to: number;
  readonly under: Traces | undefined;
}

/** Of the first `length` tokens. */
export function tracesOf(segments: readonly Segment[], length: number): TraceList {
  const all = new Map<string, Range[]>();
  for (const { from, to, under } of segments)
    for (const [key, ranges] of under?.traces(from, Math.min(to, length)) ?? []) {
      const known = all.get(key) ?? [];
      for (const range of ranges) {
        const last = known.at(-1);
        if (last && last.to === range.from) known[known.length - 1] = { from: last.from, to: range.to };
        else known.push(range);
      }
      all.set(key, known);
    }
  return [...all];
}

const isEverywhere = (ranges: readonly Range[]) =>
  ranges.some(({ from, to }) => from === 0 && to === Number.POSITIVE_INFINITY);

/**
 * Throws UsageError when a state was made under interventions that are not among those under which it is to go on, or when one of these that
 * holds everywhere was not in force.
 */
export function checkContinues(made: TraceList, under: Traces | undefined): void {
  const before = made.map(([key]) => interventionOf(key));
  const now = (under?.traces(0, Number.POSITIVE_INFINITY) ?? []).map(([key, ranges]) => ({
    key: interventionOf(key),
    ranges,
  }));
  const ended = before.filter((one) => !now.some(({ key }) => key === one));
  const begun = now.filter(({ key, ranges }) => isEverywhere(ranges) && !before.includes(key));
  if (ended.length + begun.length === 0) return;
  const differ = [...ended, ...begun.map(({ key }) => key)];
  if (differ.some((key) => key.startsWith(ADAPTER_KEY))) throw otherAdapter(before);
  throw new UsageError(
    `this state was made under ${before.length === 0 ? 'no' : 'other'} interventions: go on from it under the same, or read its text again under these.`,
  );
}

const otherAdapter = (before: readonly string[]) =>
  new UsageError(
    `this state was read ${before.some((key) => key.startsWith(ADAPTER_KEY)) ? 'with another adapter' : 'without this adapter'}: go on from it ` +
      `${before.some((key) => key.startsWith(ADAPTER_KEY)) ? 'with that one' : 'without'}, or read its text again.`,
  );

/** Throws UsageError when a state was read with another adapter than this, or with one where this is none. */
export function checkAdapter(made: TraceList, adapter: Traces | undefined): void {
  const before = made.map(([key]) => interventionOf(key)).filter((key) => key.startsWith(ADAPTER_KEY));
  const now = (adapter?.traces(0, 1) ?? []).map(([key]) => key);
  if (before.join() !== now.join()) throw otherAdapter(before);
}

/** Both together; undefined for neither. The same object each time for the same two. */
export function bothTraces(adapter: Traces | undefined, interventions: Traces | undefined): Traces | undefined {
  if (!adapter || !interventions) return adapter ?? interventions;
  const known = joined.get(interventions)?.get(adapter);
  if (known) return known;
  const both: Traces = {
    traces: (from, to) => [...adapter.traces(from, to), ...interventions.traces(from, to)],
  };
  const own = joined.get(interventions) ?? new WeakMap<Traces, Traces>();
  joined.set(interventions, own.set(adapter, both));
  return both;
}

const joined = new WeakMap<Traces, WeakMap<Traces, Traces>>();

/** As text: equal for equal traces, empty for none. */
export const provenance = (traces: TraceList): string =>
  traces.length === 0
    ? ''
    : JSON.stringify(traces.map(([key, ranges]) => [key, ranges.map(({ from, to }) => [from, to])]));

/** Parses the text of `provenance`. Throws CheckpointError on any other. */
export function recordedTraces(text: string): Traces {
  const list = parse(text);
  return {
    traces: (from, to) =>
      list
        .map(([key, ranges]) => [key, ranges.flatMap((range) => cut(range, { from, to }))] as const)
        .filter(([, ranges]) => ranges.length > 0),
  };
}

function parse(text: string): TraceList {
  const damaged = () =>
    new CheckpointError('saved state: what it says about interventions cannot be read; make the state again.');
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw damaged();
  }
  if (!Array.isArray(list)) throw damaged();
  return list.map((entry: unknown) => {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string' || !Array.isArray(entry[1])) throw damaged();
    const ranges = entry[1].map((range: unknown): Range => {
      const [from, to] = Array.isArray(range) ? range : [];
      if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to <= from) throw damaged();
      return { from, to };
    });
    return [entry[0], ranges] as const;
  });
}

/**
 * The largest of some lengths, at most `length`, up to which two histories left the same traces. `exactly`: this length or none, for states that
 * cannot go back.
 */
export function agreement(
  a: readonly Segment[],
  b: readonly Segment[],
  length: number,
  { exactly = false }: { readonly exactly?: boolean } = {},
): number {
  const [left, right] = [tracesOf(a, length), tracesOf(b, length)];
  const places = exactly
    ? []
    : [...left, ...right].flatMap(([, ranges]) => ranges.flatMap(({ from, to }) => [from, to]));
  const same = (at: number) => at <= length && provenance(tracesOf(a, at)) === provenance(tracesOf(b, at));
  return Math.max(0, ...[length, ...places].filter(same));
}
