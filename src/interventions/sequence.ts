/** Interventions on one sequence: the same with absolute positions. */
import type { Edit, Gain, Source, StateEdit } from './edit.ts';
import type { StrengthStep, Where } from './intervention.ts';
import type { Interventions } from './interventions.ts';
import type { TraceList, Traces } from './provenance.ts';
import { cut, generatedRange, holdsAt, namedRanges, type Range, rangesOf, touches } from './where.ts';

export interface SequenceOptions {
  /** Tokens of the prompt, those that a state has read included: negative positions count from its end. */
  readonly promptLength: number;
  /** Position in the text of the sequence's first token; for windows of a text. */
  readonly offset?: number;
}

/** On a sequence; undefined where there is nothing to change. */
export const sequenceOf = (
  interventions: Interventions,
  options: SequenceOptions,
): SequenceInterventions | undefined =>
  interventions.isEmpty ? undefined : new SequenceInterventions(interventions, options);

let made = 0;

export class SequenceInterventions implements Traces {
  readonly interventions: Interventions;
  readonly #promptLength: number;
  readonly #offset: number;
  /** Number that identifies the results of its functions. */
  readonly #number = ++made;
  readonly #ranges = new Map<Source, readonly Range[]>();

  constructor(interventions: Interventions, { promptLength, offset = 0 }: SequenceOptions) {
    this.interventions = interventions;
    this.#promptLength = promptLength;
    this.#offset = offset;
  }

  /** Positions of the sequence, from 0 on, where it holds; of a gain, those of the words that it weighs. */
  #rangesOf(source: Source, where: Where = source.where): readonly Range[] {
    const known = this.#ranges.get(source);
    if (known) return known;
    const ranges = rangesOf(where, this.#promptLength).map((range) => this.#own(range));
    this.#ranges.set(source, ranges);
    return ranges;
  }

  /** Positions of the text as positions of the sequence. */
  #own({ from, to }: Range): Range {
    return { from: from - this.#offset, to: to - this.#offset };
  }

  /** May it change anything in a step that reads positions from..to? */
  mayChange({ source }: Edit, from: number, to: number): boolean {
    return touches(this.#rangesOf(source), from, to);
  }

  /** Strength for a token at a position; the neutral one where the intervention does not hold. `called`: what a function gives for the step. */
  strength({ source, by, neutral }: Edit, position: number, id: number, called: () => number): number {
    if (source.tokens && !source.tokens.has(id)) return neutral;
    if (!holdsAt(this.#rangesOf(source), position)) return neutral;
    return typeof by === 'number' ? by : called();
  }

  /** Which row of the vector is for this position, where it has one for each: also for positions where it does not hold. */
  rowAt({ source, rows }: Edit, position: number): number {
    let before = 0;
    for (const range of namedRanges(source.where, this.#promptLength)) {
      const { from, to } = this.#own(range);
      if (position >= from && position < to) return Math.min(before + position - from, rows - 1);
      before += to - from;
    }
    return 0;
  }

  /** Gains that hold for predictions made at this position. */
  gainsAt(position: number): Gain[] {
    return this.interventions.gains.filter(({ source }) => holdsAt([this.#whenOf(source)], position));
  }

  /** Does a gain hold for the word at this position? */
  gainHolds({ source }: Gain, position: number, id: number): boolean {
    if (source.tokens && !source.tokens.has(id)) return false;
    const { positions } = source.where;
    return holdsAt(this.#rangesOf(source, positions === undefined ? {} : { positions }), position);
  }

  #whenOf({ where }: Source): Range {
    return this.#own(generatedRange(where, this.#promptLength));
  }

  /** Can a step that reads the token at this position be recorded? Not when states change before it, or whole values are replaced. */
  isRecordableAt(position: number): boolean {
    return this.interventions.replacements.length === 0 && this.statesAt(position).length === 0;
  }

  /** Changes of the state before the token at this position is read. */
  statesAt(position: number): StateEdit[] {
    return this.interventions.states.filter(({ at }) => at - this.#offset === position);
  }

  /** The first position after `position` at which a step must begin. */
  cutAfter(position: number): number {
    const places = [
      ...this.interventions.states.map(({ at }) => at - this.#offset),
      ...this.interventions.gains.flatMap(({ source }) => {
        const { from, to } = this.#whenOf(source);
        return [from, to];
      }),
    ];
    return Math.min(...places.filter((place) => place > position), Number.POSITIVE_INFINITY);
  }

  /** The interventions that affect a state in a step that reads positions from..to, with the positions. */
  traces(from: number, to: number): TraceList {
    const read = { from, to };
    const { sources, states } = this.interventions;
    return [
      ...sources.map((source): [string, Range[]] => [
        source.varies ? `${source.key} ${this.#number}` : source.key,
        this.#rangesOf(source).flatMap((range) => cut(range, read)),
      ]),
      ...states.map(({ source, state, at }): [string, Range[]] => {
        const place = at - this.#offset;
        return [`${source.key} ${state}`, cut({ from: place, to: place + 1 }, read)];
      }),
    ].filter(([, ranges]) => ranges.length > 0);
  }

  stepAt(position: number, ids: readonly number[]): StrengthStep {
    const generated = position + this.#offset - this.#promptLength + 1;
    return { position: position + this.#offset, generated, ids };
  }
}
