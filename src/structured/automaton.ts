/**
 * Reads a language byte by byte. A state is the set of all places in the expression where reading may be; a place is what is still to be read, as a
 * linked list, so that recursion needs no limit. States and steps are made when they are first needed, and kept.
 */
import type { Expression } from './expression.ts';

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
  readonly steps: Map<number, AutomatonState | undefined>;
}

/** States that are kept; all are forgotten when there are more. */
const MAX_STATES = 20_000;

export class Automaton {
  readonly #root: Expression;
  #states = new Map<string, AutomatonState>();
  #places = new Map<Expression, Map<number, Place>>();
  #repeats = new Map<Expression, Map<string, Expression>>();
  #count = 0;

  constructor(root: Expression) {
    this.#root = root;
  }

  start(): AutomatonState {
    return this.#stateOf([this.#place(this.#root, undefined)]);
  }

  /** The state after a byte; undefined when no text of the language goes on so. */
  step(state: AutomatonState, byte: number): AutomatonState | undefined {
    if (state.steps.has(byte)) return state.steps.get(byte);
    const after: (Place | undefined)[] = [];
    for (const { part, next } of state.places)
      if (part.kind === 'byte' && byte >= part.from && byte <= part.to) after.push(next);
    const found = after.length > 0 ? this.#stateOf(after) : undefined;
    state.steps.set(byte, found);
    return found;
  }

  /** Forgets what was kept when it has become much. States that are in use stay valid. */
  trim(): void {
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
      if (place.part.kind === 'byte') leaves.set(place.id, place);
      else open.push(...this.#opened(place));
    }
    const ids = [...leaves.keys()].sort((a, b) => a - b);
    const key = `${accepts}${ids.join()}`;
    let state = this.#states.get(key);
    if (!state) {
      const places = ids.map((id) => leaves.get(id) as Place);
      state = { accepts, isLast: places.length === 0, places, steps: new Map() };
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
        return part.parts.map((one) => this.#place(one, next));
      case 'reference':
        return [this.#place(part.to(), next)];
      case 'repeat': {
        const again = part.max > 0 ? [this.#place(part.part, this.#place(this.#fewer(part), next))] : [];
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
