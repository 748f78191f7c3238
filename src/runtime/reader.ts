/**
 * Reads texts of any length in steps of bounded size. A step is divided equally among the open requests; those with few tokens left
 * (decoding: one) are read to their end, so that no generation waits for another's prompt. A scheduler divides by rules of its own (`shares`).
 */
import { UsageError } from '../base/errors.ts';
import { checkSequences, type Engine, type Outcome, type Request } from './engine.ts';
import { joined, rowsWanted } from './logits.ts';
import { targetsPerRow } from './summaries.ts';

/** Most tokens in one step: large enough to read the weights rarely, small enough to keep activations small. */
const STEP_TOKENS = 256;

export interface Done<R extends Request> extends Outcome {
  readonly request: R;
}

export interface ReaderOptions<R extends Request = Request> {
  /** Most tokens in one step; default 256. */
  readonly stepTokens?: number;
  /** Divides a step: the number of tokens of each open request. `open`: with the number of tokens that it has left. Default: `sharesOf`. */
  readonly shares?: (open: readonly { readonly request: R; readonly left: number }[]) => readonly number[];
  /** Runs a step; default: that of the engine. */
  readonly step?: (requests: readonly Request[]) => Promise<readonly Outcome[]>;
}

interface Open<R extends Request> {
  readonly request: R;
  readonly ids: Int32Array;
  readonly rows: readonly number[];
  /** Tokens read so far. */
  read: number;
  /** Wanted rows delivered so far. */
  given: number;
  readonly parts: Float32Array[];
}

export class Reader<R extends Request> {
  readonly #engine: Engine;
  readonly #shares: NonNullable<ReaderOptions<R>['shares']>;
  readonly #step: NonNullable<ReaderOptions<R>['step']>;
  /** In the order in which they last took part in a step, the oldest first. */
  #open: Open<R>[] = [];

  constructor(engine: Engine, { stepTokens = STEP_TOKENS, shares, step }: ReaderOptions<R> = {}) {
    this.#engine = engine;
    this.#shares =
      shares ??
      ((open) =>
        sharesOf(
          open.map(({ left }) => left),
          stepTokens,
        ));
    this.#step = step ?? ((requests) => engine.step(requests));
  }

  /** Number of requests not yet read to their end. */
  get open(): number {
    return this.#open.length;
  }

  /** Adds a request. Throws UsageError when it cannot be read, or wants the last row of no tokens. */
  add(request: R): void {
    const { ids, rows = 'last' } = request;
    if (rows === 'last' && ids.length === 0) throw new UsageError('cannot predict after no token: give at least one.');
    checkSequences(this.#engine.model.facts, [request]);
    const wanted = rowsWanted(rows, ids.length);
    this.#open.push({ request, ids: Int32Array.from(ids), rows: wanted, read: 0, given: 0, parts: [] });
  }

  /** Takes a request out between steps; its state stays as the last step left it. */
  drop(request: R): void {
    this.#open = this.#open.filter((open) => open.request !== request);
  }

  /** Runs one step. Returns the requests that it finished, or that failed, in the order in which they were added. */
  async round(): Promise<Done<R>[]> {
    const shares = this.#shares(this.#open.map(({ request, ids, read }) => ({ request, left: ids.length - read })));
    const served = this.#open.filter((open, i) => (shares[i] as number) > 0 || open.ids.length === 0);
    const requests = served.map((open) => requestOf(open, upToCut(open, shares[this.#open.indexOf(open)] as number)));
    const outcomes = await this.#step(requests);
    const done: Done<R>[] = [];
    const left: Open<R>[] = [];
    served.forEach((open, i) => {
      const { output, failure } = outcomes[i] as Outcome;
      const { ids, rows } = requests[i] as Request;
      open.read += ids.length;
      open.given += (rows as readonly number[]).length;
      open.parts.push(output);
      if (failure || open.read === open.ids.length)
        done.push({ request: open.request, output: joined(open.parts.filter(({ length }) => length > 0)), failure });
      else left.push(open);
    });
    this.#open = [...this.#open.filter((open) => !served.includes(open)), ...left];
    return done;
  }
}

/** Tokens up to the next position at which an intervention requires a new step. */
function upToCut<R extends Request>({ request: { interventions, state } }: Open<R>, count: number): number {
  return interventions ? Math.min(count, interventions.cutAfter(state.length) - state.length) : count;
}

/** The part of a request that reads its next `count` tokens. */
function requestOf<R extends Request>({ request, ids, rows, read, given }: Open<R>, count: number): Request {
  const { state, tap, signal, summary, visit, interventions, adapter } = request;
  const inside = rows.slice(given).filter((row) => row < read + count);
  const perRow = summary ? targetsPerRow(summary) : 0;
  return {
    state,
    ids: ids.subarray(read, read + count),
    rows: inside.map((row) => row - read),
    tap,
    interventions,
    adapter,
    signal,
    summary: summary?.targets
      ? { ...summary, targets: Array.from(summary.targets).slice(given * perRow, (given + inside.length) * perRow) }
      : summary,
    visit: visit && ((first, output) => visit(given + first, output)),
  };
}

/**
 * Divides the tokens of a step as equally as possible among requests with `left` tokens each. When there are fewer tokens than requests,
 * the first ones get one each.
 */
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
