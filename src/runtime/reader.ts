/**
 * Reads texts of any length in steps of bounded size. Everyone who waits gets a share of each step, and whoever wants one token gets it
 * first: nobody who generates waits for another's prompt. This is where a scheduler has its say.
 */
import { UsageError } from '../base/errors.ts';
import { checkSequences, type Engine, type Outcome, type Request } from './engine.ts';
import { joined, rowsWanted } from './logits.ts';

/** Tokens of one step at most: enough that weights are read rarely, few enough that activations stay small. */
const STEP_TOKENS = 256;

export interface Done<R extends Request> extends Outcome {
  readonly request: R;
}

export interface ReaderOptions {
  /** Tokens of one step at most. */
  readonly stepTokens?: number;
}

interface Open<R extends Request> {
  readonly request: R;
  readonly ids: Int32Array;
  readonly rows: readonly number[];
  /** Tokens that were read. */
  at: number;
  /** Wanted rows that were given. */
  given: number;
  readonly parts: Float32Array[];
}

export class Reader<R extends Request> {
  readonly #engine: Engine;
  readonly #stepTokens: number;
  /** Who has waited longest comes first. */
  #open: Open<R>[] = [];

  constructor(engine: Engine, { stepTokens = STEP_TOKENS }: ReaderOptions = {}) {
    this.#engine = engine;
    this.#stepTokens = stepTokens;
  }

  /** How many have not been read to their end. */
  get open(): number {
    return this.#open.length;
  }

  /** Throws UsageError on what cannot be read, and when the logits after no token are asked for. */
  add(request: R): void {
    const { ids, rows = 'last' } = request;
    if (rows === 'last' && ids.length === 0) throw new UsageError('cannot predict after no token: give at least one.');
    checkSequences(this.#engine.model.facts, [request]);
    const wanted = rowsWanted(rows, ids.length);
    this.#open.push({ request, ids: Int32Array.from(ids), rows: wanted, at: 0, given: 0, parts: [] });
  }

  /** Runs one step; gives those who have been read to their end, or failed, in the order in which they were added. */
  async round(): Promise<Done<R>[]> {
    const shares = sharesOf(
      this.#open.map(({ ids, at }) => ids.length - at),
      this.#stepTokens,
    );
    const served = this.#open.filter((open, i) => (shares[i] as number) > 0 || open.ids.length === 0);
    const pieces = served.map((open) => pieceOf(open, upToCut(open, shares[this.#open.indexOf(open)] as number)));
    const outcomes = await this.#engine.step(pieces);
    const done: Done<R>[] = [];
    const left: Open<R>[] = [];
    served.forEach((open, i) => {
      const { output, failure } = outcomes[i] as Outcome;
      const piece = pieces[i] as Request;
      open.at += piece.ids.length;
      open.given += (piece.rows as readonly number[]).length;
      open.parts.push(output);
      if (failure || open.at === open.ids.length)
        done.push({ request: open.request, output: joined(open.parts.filter(({ length }) => length > 0)), failure });
      else left.push(open);
    });
    this.#open = [...this.#open.filter((open) => !served.includes(open)), ...left];
    return done;
  }
}

/** As many tokens as there are before the next place where a step must begin. */
function upToCut<R extends Request>({ request: { interventions, state } }: Open<R>, count: number): number {
  return interventions ? Math.min(count, interventions.cutAfter(state.length) - state.length) : count;
}

function pieceOf<R extends Request>({ request, ids, rows, at, given }: Open<R>, count: number): Request {
  const { state, tap, signal, summary, visit, interventions } = request;
  const inside = rows.slice(given).filter((row) => row < at + count);
  return {
    state,
    ids: ids.subarray(at, at + count),
    rows: inside.map((row) => row - at),
    tap,
    interventions,
    signal,
    summary: summary?.targets
      ? { ...summary, targets: inside.map((_, i) => summary.targets?.[given + i] as number) }
      : summary,
    visit: visit && ((first, output) => visit(given + first, output)),
  };
}

/** Tokens of the next step for each that has so many left: as equal as can be; a token for each of the first, when not all get one. */
export function sharesOf(left: readonly number[], room = STEP_TOKENS): number[] {
  const shares = left.map(() => 0);
  const fewestFirst = left.map((_, i) => i).sort((a, b) => (left[a] as number) - (left[b] as number) || a - b);
  const order = left.length > room ? left.map((_, i) => i) : fewestFirst;
  order.forEach((i, n) => {
    const fair = Math.max(1, Math.floor(room / (left.length - n)));
    shares[i] = Math.min(left[i] as number, fair, room);
    room -= shares[i] as number;
  });
  return shares;
}
