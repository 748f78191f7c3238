/**
 * Applies the interventions of all sequences of a step as ops. For sequences that share a list of interventions, each change is one op;
 * rows of other sequences get the neutral strength. Whatever differs between steps is uploaded, so a recorded step can be replayed with
 * other numbers.
 */

import { quote, UsageError } from '../base/errors.ts';
import { PAGE_ROWS } from '../base/pages.ts';
import { show, size, type Tensor } from '../base/tensor.ts';
import type { Edit, Gain, Replacement, Source } from '../interventions/edit.ts';
import type { StrengthStep } from '../interventions/intervention.ts';
import type { Interventions } from '../interventions/interventions.ts';
import type { SequenceInterventions } from '../interventions/sequence.ts';
import type { Ops } from '../ops/index.ts';
import type { PackedBatch } from './batch.ts';
import type { Packed, Sequence } from './packed.ts';

/** Sequences of a step that share a list of interventions. */
interface Group {
  readonly interventions: Interventions;
  /** By index of the sequence in the step. */
  readonly members: ReadonlyMap<number, SequenceInterventions>;
  readonly active: Active;
}

interface ActiveEdit {
  readonly edit: Edit;
  /** Index of its intervention among the active ones; edits of one intervention have the same strengths. */
  readonly intervention: number;
}

/** The edits of a list that can have an effect in a step. */
interface Active {
  readonly bySite: ReadonlyMap<string, readonly ActiveEdit[]>;
  /** Equal for steps that run the same ops. */
  readonly structure: string;
}

/** By list, then by which of its interventions are active. */
const actives = new WeakMap<Interventions, Map<string, Active>>();

function activeOf(interventions: Interventions, isActive: (edit: Edit) => boolean): Active {
  const on = interventions.all.map((edits) => edits[0] !== undefined && isActive(edits[0])); // the edits of one intervention apply at the same positions
  const key = on.map(Number).join('');
  const known = actives.get(interventions) ?? new Map<string, Active>();
  actives.set(interventions, known);
  const found = known.get(key);
  if (found) return found;
  const all = interventions.all.filter((_, i) => on[i]);
  const active = all.flatMap((edits, intervention) => edits.map((edit) => ({ edit, intervention })));
  const bySite = new Map<string, ActiveEdit[]>();
  for (const one of active) {
    const known = bySite.get(one.edit.site);
    if (known) known.push(one);
    else bySite.set(one.edit.site, [one]);
  }
  const structure = active
    .map(
      ({ edit: { site, kind, group, rows }, intervention }) => `${intervention} ${site} ${kind} ${group} ${rows > 1}`,
    )
    .join('; ');
  const made = { bySite, structure };
  known.set(key, made);
  return made;
}

export class StepInterventions {
  readonly #packed: Packed;
  readonly #groups: readonly Group[];
  /** Results of the users' functions in this step, by sequence. */
  readonly #given = new Map<Source, Map<number, number | Float32Array>>();
  /** Gains in force, by sequence. */
  readonly #gains: readonly (readonly Gain[])[];
  readonly #replacements: readonly (readonly Replacement[])[];
  /** Equal for steps that need the same commands. */
  readonly structure: string;

  constructor(packed: Packed) {
    this.#packed = packed;
    const { sequences } = packed;
    const lists = new Map<Interventions, Map<number, SequenceInterventions>>();
    sequences.forEach(({ interventions: own }, b) => {
      if (own) lists.set(own.interventions, (lists.get(own.interventions) ?? new Map()).set(b, own));
    });
    const groups = [...lists].map(([interventions, members]) => ({
      ...{ interventions, members },
      active: activeOf(interventions, (edit) =>
        [...members].some(([b, own]) => own.mayChange(edit, ...reachOf(sequences[b] as Sequence))),
      ),
    }));
    this.#groups = groups.filter(({ active }) => active.structure !== '');
    this.#gains = sequences.map((sequence) => sequence.interventions?.gainsAt(lastOf(sequence)) ?? []);
    this.#replacements = sequences.map(({ interventions: own }) => own?.interventions.replacements ?? []);
    const weighed = [...new Set(this.#gains.flat().map(({ site }) => site))];
    this.structure = [...this.#groups.map(({ active }) => active.structure), ...weighed].join(' | ');
  }

  get isEmpty(): boolean {
    return this.structure === '' && this.#replacements.every(({ length }) => length === 0);
  }

  changes(site: string): boolean {
    return (
      this.#groups.some(({ active }) => active.bySite.has(site)) ||
      this.#replacements.some((all) => all.some((one) => one.site === site))
    );
  }

  /** Applies the edits of a site: x[T, ...] -> the same shape. `rows`: the numbers of x's rows in the step; undefined when x has all. */
  edit(ops: Ops, batch: PackedBatch, site: string, x: Tensor, rows?: readonly number[]): Tensor {
    let y = x;
    this.#groups.forEach(({ active }, g) => {
      const edits = active.bySite.get(site) ?? [];
      edits.forEach((one, i) => {
        y = this.#apply(ops, batch, { ...one, g, i }, y, rows);
      });
    });
    return this.#replaceRows(ops, site, y);
  }

  #apply(
    ops: Ops,
    batch: PackedBatch,
    { edit, intervention, g, i }: ActiveEdit & { readonly g: number; readonly i: number },
    x: Tensor,
    rows: readonly number[] | undefined,
  ): Tensor {
    const { site, kind, group, width } = edit;
    const count = x.shape[0] as number;
    const own = (packed: Packed) => packed.interventions.#groups[g]?.active.bySite.get(site)?.[i]?.edit as Edit;
    const of = rows ? rows.join() : 'all';
    const by = batch.once(
      ops,
      `by ${g} ${intervention} ${of}`,
      (packed) => packed.interventions.#strengths(g, own(packed), rows),
      [count],
    );
    const channels = batch.feed(ops, (packed) => own(packed).channels, [width]);
    const vector =
      kind === 'scale'
        ? undefined
        : edit.rows === 1
          ? batch.feed(ops, (packed) => own(packed).vector as Float32Array, [1, width])
          : batch.feed(ops, (packed) => packed.interventions.#rowsOf(g, own(packed), rows), [count, width]);
    return ops.intervene(x, { kind, width: group, by, channels, ...(vector ? { vector } : {}) });
  }

  /** Strength of an edit for each row. */
  #strengths(g: number, edit: Edit, rows?: readonly number[]): Float32Array {
    const { ids, positions } = this.#packed;
    const { members } = this.#groups[g] as Group;
    return this.#forRows(rows, (row, b) => {
      const own = members.get(b);
      return (
        own?.strength(edit, positions[row] as number, ids[row] as number, () =>
          this.#once(edit.source, b, () => this.#called(edit, own, b)),
        ) ?? edit.neutral
      );
    });
  }

  /** Calls a user's function once per step and sequence, also when a step is encoded twice. */
  #once<R extends number | Float32Array>(source: Source, b: number, call: () => R): R {
    const given = this.#given.get(source) ?? new Map<number, number | Float32Array>();
    this.#given.set(source, given);
    const known = given.get(b) ?? call();
    given.set(b, known);
    return known as R;
  }

  /** The strength of an edit in this step, calling its function if it is one. */
  #called({ by, source }: Edit, own: SequenceInterventions, b: number): number {
    if (typeof by === 'number') return by;
    const sequence = this.#packed.sequences[b] as Sequence;
    const number: unknown = by(own.stepAt(lastOf(sequence), idsOf(sequence)));
    if (typeof number === 'number' && Number.isFinite(number)) return number;
    throw new UsageError(`${source.name}: its function gave ${quote(number)}, wanted a finite number.`);
  }

  #forRows(rows: readonly number[] | undefined, numberOf: (row: number, b: number) => number): Float32Array {
    const { ids, starts } = this.#packed;
    const numbers = new Float32Array(rows?.length ?? ids.length);
    let b = 0;
    for (let n = 0; n < numbers.length; n++) {
      const row = rows ? (rows[n] as number) : n;
      while (row >= (starts[b + 1] as number)) b++;
      numbers[n] = numberOf(row, b);
    }
    return numbers;
  }

  /** For an edit with a vector per position: its row for each row of the step. */
  #rowsOf(g: number, edit: Edit, rows?: readonly number[]): Float32Array {
    const { positions } = this.#packed;
    const { members } = this.#groups[g] as Group;
    const at = this.#forRows(rows, (row, b) => members.get(b)?.rowAt(edit, positions[row] as number) ?? 0);
    const all = new Float32Array(at.length * edit.width);
    at.forEach((row, n) => {
      all.set((edit.vector as Float32Array).subarray(row * edit.width, (row + 1) * edit.width), n * edit.width);
    });
    return all;
  }

  /** Factors of the attention probabilities [H, T, S]: [B, C, H] for C positions; undefined when all are 1. */
  gains(ops: Ops, batch: PackedBatch, site: string): Tensor | undefined {
    const [one] = this.#gains.flat().filter((gain) => gain.site === site);
    if (!one) return undefined;
    const { heads } = one;
    const positions = this.#packed.pages * PAGE_ROWS;
    return batch.feed(ops, (packed) => packed.interventions.#factors(site, heads), [
      this.#packed.sequences.length,
      positions,
      heads,
    ]);
  }

  #factors(site: string, heads: number): Float32Array {
    const { sequences, pages } = this.#packed;
    const each = pages * PAGE_ROWS * heads;
    const factors = new Float32Array(sequences.length * each).fill(1);
    sequences.forEach((sequence, b) => {
      const own = sequence.interventions as SequenceInterventions;
      const ids = idsOf(sequence);
      for (const gain of this.#gains[b]?.filter((one) => one.site === site) ?? []) {
        const by = this.#once(gain.source, b, () =>
          factorOf(gain, own.stepAt(lastOf(sequence), ids), ids.length * heads),
        );
        const [first, end] = gain.head === undefined ? [0, heads] : [gain.head, gain.head + 1];
        ids.forEach((id, position) => {
          if (!own.gainHolds(gain, position, id)) return;
          const at = position * heads;
          for (let h = first; h < end; h++)
            (factors[b * each + at + h] as number) *= typeof by === 'number' ? by : (by[at + h] as number);
        });
      }
    });
    return factors;
  }

  /** The replacement that a sequence has for a site whose value has no row per token. */
  replacement(site: string, b: number): Replacement | undefined {
    return this.#replacements[b]?.findLast((one) => one.site === site);
  }

  #replaceRows(ops: Ops, site: string, x: Tensor): Tensor {
    const { sequences, starts } = this.#packed;
    const found = sequences.map((_, b) => this.replacement(site, b));
    if (!found.some(Boolean)) return x;
    return ops.concat(
      found.map((one, b) => {
        const own = ops.rows(x, starts[b] as number, starts[b + 1] as number);
        return one ? replaced(ops, one, own) : own;
      }),
    );
  }
}

/** The positions that a step reads, from..to (exclusive). */
const reachOf = ({ state, ids }: Sequence): [from: number, to: number] => [state.length, state.length + ids.length];

const idsOf = ({ state, ids }: Sequence): number[] => [...state.ids, ...Array.from(ids)];

const lastOf = (sequence: Sequence): number => reachOf(sequence)[1] - 1;

/** The factor of a gain: one number, or one per position and head. Throws UsageError when its function returns anything else. */
function factorOf({ by, source }: Gain, step: StrengthStep, count: number): number | Float32Array {
  if (typeof by === 'number') return by;
  const given: unknown = by(step);
  if (given instanceof Float32Array && given.length === count && given.every(Number.isFinite)) return given;
  if (typeof given === 'number' && Number.isFinite(given)) return given;
  throw new UsageError(
    `${source.name}: its function gave ${quote(given)}, wanted a finite number, or a Float32Array of ${count}.`,
  );
}

/** Returns the replacement as a tensor of x's shape and type. Throws UsageError when their sizes differ. */
export function replaced(ops: Ops, { data, site, source }: Replacement, x: Tensor): Tensor {
  if (data.length !== size(x.shape))
    throw new UsageError(
      `${source.name}: the values set for '${site}' are ${data.length} numbers, wanted ${size(x.shape)} for ${show(x.shape)}.`,
    );
  switch (x.dtype) {
    case 'i8':
      return ops.upload(Int8Array.from(data), x.shape);
    case 'i32':
      return ops.upload(Int32Array.from(data), x.shape);
    default:
      return ops.upload(Float32Array.from(data), x.shape);
  }
}
