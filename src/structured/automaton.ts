/**
 * Reads a language byte by byte. A state is the set of all places in the expression where reading may be; a place is what is still to be read, as a
 * linked list, so that recursion needs no limit. States and steps are made when they are first needed, and kept.
 */
import { UsageError } from '../base/errors.ts';
import type { Expression } from './expression.ts';
import { productive } from './productive.ts';

interface Place {
  readonly id: number;
  readonly part: Expression;
  readonly next: Place | undefined;
}

export interface AutomatonState {
  /** May the text end here? */
  readonly accepts: boolean;
  /** Can nothing follow? */
  readonly isLast: boolean;
  readonly places: readonly Place[];
  /** By byte: the state after it, null when there is none, undefined when it is not known yet. */
  readonly steps: (AutomatonState | null | undefined)[];
}

/** States that are kept, of some kilobytes; all are forgotten when there are more. */
const MAX_STATES = 4000;

/** Places that may be looked at for one token: about half a second, in which nobody else is served. */
const MAX_WORK = 200_000;

export class Automaton {
  readonly #root: Expression;
  readonly #productive: ReadonlySet<Expression>;
  #left = MAX_WORK;
  #states = new Map<string, AutomatonState>();
  #places = new Map<Expression, Map<number, Place>>();
  #repeats = new Map<Expression, Map<string, Expression>>();
  #count = 0;

  /** Throws UsageError when no text fits. */
  constructor(root: Expression) {
    this.#root = root;
    this.#productive = productive(root);
    if (!this.#productive.has(root)) throw new UsageError('no text has the wanted form.');
  }

  start(): AutomatonState {
    return this.#stateOf([this.#place(this.#root, undefined)]);
  }

  /** The state after a byte; null when no text of the language goes on so. Throws UsageError when that is too much work. */
  step(state: AutomatonState, byte: number): AutomatonState | null {
    const known = state.steps[byte];
    if (known !== undefined) return known;
    const after: (Place | undefined)[] = [];
    for (const { part, next } of state.places)
      if (part.kind === 'byte' && byte >= part.from && byte <= part.to) after.push(next);
    const found = after.length > 0 ? this.#stateOf(after) : null;
    state.steps[byte] = found;
    return found;
  }

  /** Before each token: forgets what was kept when it has become much. States that are in use stay valid. */
  begin(): void {
    this.#left = MAX_WORK;
    if (this.#states.size < MAX_STATES) return;
    this.#states = new Map();
    this.#places = new Map();
    this.#repeats = new Map();
  }

  #stateOf(begin: readonly (Place | undefined)[]): AutomatonState {
    const leaves = new Map<number, Place>();
    const seen = new Set<number>();
    let accepts = false;
    const open = [...begin];
    while (open.length > 0) {
      const place = open.pop();
      if (!place) {
        accepts = true;
        continue;
      }
      if (seen.has(place.id)) continue;
      seen.add(place.id);
      if (--this.#left < 0)
        throw new UsageError('the wanted form is too complicated: it may go on in too many ways at one place.');
      if (place.part.kind === 'byte') leaves.set(place.id, place);
      else open.push(...this.#opened(place));
    }
    const ids = [...leaves.keys()].sort((a, b) => a - b);
    const key = `${accepts}${ids.join()}`;
    let state = this.#states.get(key);
    if (!state) {
      const places = ids.map((id) => leaves.get(id) as Place);
      state = { accepts, isLast: places.length === 0, places, steps: new Array(256) };
      this.#states.set(key, state);
    }
    return state;
  }

  /** The places where an expression that is no byte begins. */
  #opened({ part, next }: Place): (Place | undefined)[] {
    switch (part.kind) {
      case 'sequence':
        return [part.parts.reduceRight((rest, one) => this.#place(one, rest), next)];
      case 'either':
        return part.parts.filter((one) => this.#productive.has(one)).map((one) => this.#place(one, next));
      case 'reference':
        return [this.#place(part.to(), next)];
      case 'repeat': {
        const again =
          part.max > 0 && this.#productive.has(part.part)
            ? [this.#place(part.part, this.#place(this.#fewer(part), next))]
            : [];
        return part.min > 0 ? again : [...again, next];
      }
      case 'byte':
        return [];
      default:
        return part satisfies never;
    }
  }

  /** The repetition after one turn. */
  #fewer({ part, min, max }: Expression & { readonly kind: 'repeat' }): Expression {
    const key = `${Math.max(0, min - 1)},${max - 1}`;
    const known = this.#repeats.get(part) ?? new Map<string, Expression>();
    this.#repeats.set(part, known);
    let fewer = known.get(key);
    if (!fewer) known.set(key, (fewer = { kind: 'repeat', part, min: Math.max(0, min - 1), max: max - 1 }));
    return fewer;
  }

  #place(part: Expression, next: Place | undefined): Place {
    const known = this.#places.get(part) ?? new Map<number, Place>();
    this.#places.set(part, known);
    const key = next?.id ?? -1;
    let place = known.get(key);
    if (!place) known.set(key, (place = { id: this.#count++, part, next }));
    return place;
  }
}

/** The units that may follow a state, ascending, in ranges whose units all lead to the same state. `single`: each unit by itself. */
export function unitsAfter(
  { places }: AutomatonState,
  { single = false }: { readonly single?: boolean } = {},
): (readonly [from: number, to: number])[] {
  const parts = places.flatMap(({ part }) => (part.kind === 'byte' ? [part] : []));
  const bounds = new Set(parts.flatMap(({ from, to }) => [from, to + 1]));
  if (single) for (const { from, to } of parts) for (let unit = from; unit < to; unit++) bounds.add(unit + 1);
  const sorted = [...bounds].sort((a, b) => a - b);
  return sorted.slice(0, -1).map((from, i) => [from, (sorted[i + 1] as number) - 1]);
}
