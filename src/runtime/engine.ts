/**
 * Runs tokens through a model on a backend, without tokenizer or text. `step` is the only entry: it reads some tokens of one or more
 * sequences in one pass. Steps run one after another.
 */
import type { Backend, Replay } from '../backends/backend.ts';
import { UsageError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { bothTraces, type Traces } from '../interventions/provenance.ts';
import type { LanguageModel, ModelFacts } from '../models/model.ts';
import { LOGITS } from '../models/sites.ts';
import type { Tap } from '../models/tap.ts';
import type { Ops } from '../ops/index.ts';
import { type Feed, PackedBatch } from './batch.ts';
import { Collector, chunksOf, type Part, type Rows, rowsWanted } from './logits.ts';
import { Packed, type Sequence } from './packed.ts';
import { Reader, type ReaderOptions } from './reader.ts';
import { State } from './state.ts';
import { changeStates } from './state-edits.ts';
import { StatePool } from './state-pool.ts';
import { type SummaryRequest, targetsPerRow } from './summaries.ts';
import { tapsOf } from './taps.ts';
import { type Watch, watchedTaps } from './watch.ts';

/** How many recorded decoding steps are kept; each takes some hundred kilobytes. */
const MAX_RECORDED = 8;

/** Rows of logits computed at a time; [64, 128256] f32 is 33 MB. */
const HEAD_ROWS = 64;

/** Changes what all linear maps compute, for whole sequences. */
export interface RequestAdapter extends Traces {
  /** The model's ops with its changes. */
  readonly ops: Ops;
  /** Throws UsageError when it cannot be used with this backend. */
  checkUsable(backend: Backend): void;
}

export interface Request extends Sequence {
  readonly adapter?: RequestAdapter | undefined;
  /** Rows whose logits are wanted; default: the last. */
  readonly rows?: Rows | undefined;
  readonly tap?: Tap | undefined;
  /** When it is aborted, later steps skip this request; its state stays as the last step left it. */
  readonly signal?: AbortSignal | undefined;
  /** Return summaries instead of logits: what class Summaries needs for log-probabilities. */
  readonly summary?: SummaryRequest | undefined;
  /**
   * Called with the logits [n, V] (or summaries) of the wanted rows first..first + n, in order, in several calls. Without it they are
   * returned. An error that it throws fails this request only.
   */
  readonly visit?: ((first: number, output: Float32Array) => void) | undefined;
}

/** The result of a request. */
export interface Outcome {
  /** Logits [n, V] or summaries of the wanted rows; empty when `visit` got them. */
  readonly output: Float32Array;
  /** Set when the request failed: the signal's reason, or what `visit` threw. */
  readonly failure?: { readonly error: unknown } | undefined;
}

/** Throws UsageError for ids that are not in the vocabulary, and for sequences longer than the context. */
export function checkSequences(
  { vocabSize, contextLength }: Pick<ModelFacts, 'vocabSize' | 'contextLength'>,
  sequences: readonly { readonly ids: ArrayLike<number>; readonly state?: State | undefined }[],
): void {
  for (const { ids, state } of sequences) {
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number;
      if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
        throw new UsageError(`token id ${id} does not exist: this model has ids 0 to ${vocabSize - 1}.`);
      }
    }
    const reach = (state?.length ?? 0) + ids.length;
    if (contextLength !== undefined && reach > contextLength) {
      throw new UsageError(
        `${reach} tokens do not fit: this model reads at most ${contextLength}. ${tooLong(ids.length, state?.length ?? 0)}`,
      );
    }
  }
}

export interface EngineOptions {
  readonly keyValues?: StatePool['keyValues'] | undefined;
  readonly maxStateBytes?: number | undefined;
  readonly watch?: Watch | undefined;
}

function tooLong(added: number, known: number): string {
  return known === 0
    ? 'Give it a shorter text.'
    : `The state has read ${known} of them, and ${added} are new: give fewer tokens, or begin a new state.`;
}

export class Engine {
  readonly model: LanguageModel;
  readonly backend: Backend;
  readonly ops: Ops;
  readonly pool: StatePool;
  /** Recorded steps of one token per sequence, the most recently used first. */
  readonly #recorded: Recording[] = [];
  readonly #watch: Watch | undefined;

  constructor(
    model: LanguageModel,
    backend: Backend,
    ops: Ops,
    { keyValues, maxStateBytes, watch }: EngineOptions = {},
  ) {
    this.model = model;
    this.backend = backend;
    this.ops = ops;
    this.#watch = watch;
    this.pool = new StatePool({ layout: model.stateLayout, backend, ops, keyValues, maxBytes: maxStateBytes });
  }

  newState(): State {
    return new State(this.pool);
  }

  /** Gives back the memory of recorded steps; that of states goes with the states. */
  dispose(): void {
    for (const { replay } of this.#recorded.splice(0)) replay.dispose();
  }

  /**
   * Reads the tokens of these requests in one pass. Its memory grows with the number of tokens; Reader divides long texts into steps.
   * Throws UsageError before anything is changed; after any other error recurrent states are no longer usable (State.intact).
   */
  async step(requests: readonly Request[]): Promise<Outcome[]> {
    checkSequences(this.model.facts, requests);
    if (new Set(requests.map(({ state }) => state)).size < requests.length)
      throw new UsageError('two sequences of one step share a state: give each its own.');
    for (const { adapter, state } of requests) {
      adapter?.checkUsable(this.backend);
      state.checkAdapter(adapter);
    }
    return this.pool.turn(() => this.#step(requests));
  }

  /**
   * Reads all tokens of these requests, in as many steps as needed. Returns the wanted logits or summaries of each; throws the first
   * failure.
   */
  async read(requests: readonly Request[], options?: ReaderOptions): Promise<Float32Array[]> {
    const reader = new Reader<Request>(this, options);
    for (const request of requests) reader.add(request);
    const found = new Map<Request, Float32Array>();
    while (reader.open > 0) {
      for (const { request, output, failure } of await reader.round()) {
        if (failure) throw failure.error;
        found.set(request, output);
      }
    }
    return requests.map((request) => found.get(request) as Float32Array);
  }

  /** Applies only the head: hidden[n, M] -> logits[n, V], HEAD_ROWS rows at a time. */
  async unembed(
    hidden: Float32Array,
    visit: (first: number, logits: Float32Array) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const { dModel } = this.model.facts;
    if (hidden.length % dModel !== 0)
      throw new UsageError(`${hidden.length} numbers came, wanted rows of ${dModel}, this model's width.`);
    for (let row = 0; row * dModel < hidden.length; row += HEAD_ROWS) {
      signal?.throwIfAborted();
      const some = hidden.subarray(row * dModel, (row + HEAD_ROWS) * dModel);
      const logits = await this.backend.step(async () => {
        const x = this.ops.upload(some as Float32Array<ArrayBuffer>, [some.length / dModel, dModel]);
        return this.backend.read(this.model.logits(this.ops, x));
      });
      visit(row, logits as Float32Array);
    }
  }

  /** A function of token ids alone, such as their sense vectors: the numbers that `compute` makes of ids[n]. */
  async ofIds(ids: ArrayLike<number>, compute: (ops: Ops, ids: Tensor) => Tensor): Promise<Float32Array> {
    checkSequences({ vocabSize: this.model.facts.vocabSize, contextLength: undefined }, [{ ids }]);
    return this.backend.step(async () => {
      const given = this.ops.upload(Int32Array.from(ids), [ids.length]);
      return (await this.backend.read(compute(this.ops, given))) as Float32Array;
    });
  }

  async #step(requests: readonly Request[]): Promise<Outcome[]> {
    const collectors = new Map(requests.map((request) => [request, new Collector(request)]));
    const going: Request[] = [];
    for (const request of requests) {
      if (request.signal?.aborted) collectors.get(request)?.fail(request.signal.reason);
      else if (request.ids.length > 0) going.push(request);
    }
    for (const { state } of going) state.checkReadable();
    for (const adapter of new Set(going.map((request) => request.adapter))) {
      const together = going.filter((request) => request.adapter === adapter);
      await this.#pass(together.map((request) => collectors.get(request) as Collector));
    }
    return requests.map((request) => (collectors.get(request) as Collector).outcome);
  }

  /** The requests of a pass have one adapter, or none. */
  async #pass(going: readonly Collector[]): Promise<void> {
    const requests = going.map(({ request }) => request);
    await this.pool.prepare(requests.map(({ state, ids }) => ({ holding: state, count: ids.length })));
    for (const { state } of requests) state.begin();
    let usesIds: boolean;
    try {
      const decodes = !this.#watch && requests.length <= HEAD_ROWS && requests.every(isDecoding) && isOneKind(going);
      usesIds = decodes ? await this.#decode(going) : await this.#read(going);
    } catch (error) {
      for (const { state } of requests) state.fail();
      throw error;
    }
    for (const { request, outcome } of going) {
      if (outcome.failure) request.state.fail();
      else
        request.state.advance(request.ids, {
          plain: usesIds,
          under: bothTraces(request.adapter, request.interventions),
        });
    }
  }

  #opsOf(going: readonly Collector[]): Ops {
    return going[0]?.request.adapter?.ops ?? this.ops;
  }

  /** A pass that is encoded from the model, not replayed. */
  #read(going: readonly Collector[]): Promise<boolean> {
    const encode = () => this.#encode(going);
    return this.backend.step(() => this.#watch?.pass(encode) ?? encode());
  }

  async #encode(going: readonly Collector[]): Promise<boolean> {
    const { model, backend } = this;
    const ops = this.#opsOf(going);
    const packed = new Packed(going.map(({ request }) => request));
    const { starts } = packed;
    const batch = new PackedBatch(packed, this.pool);
    const taps = tapsOf(
      ops,
      packed,
      batch,
      going.map(({ request }) => request.tap),
    );
    for (const { request } of going) changeStates(ops, this.pool, request);
    const hidden = model.forward({ ops, batch, show: watchedTaps(taps, this.#watch) });
    for (const chunk of chunksOf(going, starts, HEAD_ROWS)) {
      const read = (await backend.read(this.#output(ops, hidden, chunk, packed, batch))) as Float32Array;
      const total = chunk.reduce((sum, { rows }) => sum + rows.length, 0);
      let first = 0;
      for (const { collector, rows } of chunk) {
        collector.take(rows.length, read, first, total);
        first += rows.length;
      }
    }
    return batch.usesIds;
  }

  /** Logits or summaries of rows whose requests are of one kind (Collector.kind). */
  #output(ops: Ops, hidden: Tensor, chunk: readonly Part[], packed: Packed, batch: PackedBatch): Tensor {
    const { model } = this;
    const { collector } = chunk[0] as Part;
    const { tap, summary } = collector.request;
    const numbers = chunk.flatMap(({ rows }) => rows);
    let logits = ops.scope(() => model.logits(ops, this.#rows(hidden, numbers)));
    logits = packed.interventions.edit(ops, batch, LOGITS.name, logits, numbers);
    this.#watch?.reached(LOGITS.name);
    if (collector.seesLogits) logits = tap?.see(LOGITS.name, logits) ?? logits;
    if (!summary) return logits;
    const perRow = targetsPerRow(summary);
    const targets = chunk.flatMap(({ collector: { request }, first, rows }) =>
      Array.from({ length: rows.length * perRow }, (_, i) => request.summary?.targets?.[first * perRow + i] as number),
    );
    const ids = summary.targets && ops.upload(Int32Array.from(targets), [targets.length / perRow, perRow]);
    const summaries = ops.summarizeLogits(logits, ids, summary.top);
    this.#watch?.reached(LOGITS.name);
    return summaries;
  }

  /** The rows of these ascending numbers; a view where they are contiguous. */
  #rows(hidden: Tensor, numbers: readonly number[]): Tensor {
    const first = numbers[0] as number;
    const end = (numbers.at(-1) as number) + 1;
    if (end - first === numbers.length) return this.ops.rows(hidden, first, end);
    return this.ops.gather(hidden, this.ops.upload(Int32Array.from(numbers), [numbers.length]));
  }

  /** Decodes one token of each sequence: replays a recorded step of the same sizes, or records a new one. */
  async #decode(going: readonly Collector[]): Promise<boolean> {
    const packed = new Packed(
      going.map(({ request }) => request),
      { rounded: true },
    );
    const [{ kind, request }] = going as [Collector];
    const { structure } = packed.interventions;
    const found = this.#recorded.findIndex((recording) => serves(recording, packed, kind, request.adapter));
    const [step] = found < 0 ? [] : this.#recorded.splice(found, 1);
    if (step) {
      const numbers = await step.replay.run(step.feeds.map((make) => make(packed)));
      if (numbers) {
        this.#recorded.unshift(step);
        collect(going, numbers as Float32Array);
        return step.fresh !== undefined;
      }
      step.replay.dispose();
    }
    const batch = new PackedBatch(packed, this.pool);
    const { numbers, replay } = await this.backend.record(() => {
      const { model } = this;
      const ops = this.#opsOf(going);
      const hidden = model.forward({ ops, batch, show: tapsOf(ops, packed, batch, []) });
      const logits = packed.interventions.edit(ops, batch, LOGITS.name, model.logits(ops, hidden));
      return request.summary ? this.ops.summarizeLogits(logits, undefined, request.summary.top) : logits;
    });
    if (replay) {
      const fresh = batch.usesIds ? packed.byId.fresh.length : undefined;
      this.#recorded.unshift({
        sequences: going.length,
        pages: packed.pages,
        structure,
        kind,
        adapter: request.adapter,
        fresh,
        feeds: batch.feeds,
        replay,
      });
      for (const { replay: oldest } of this.#recorded.splice(MAX_RECORDED)) oldest.dispose();
    }
    collect(going, numbers as Float32Array);
    return batch.usesIds;
  }
}

/** A recorded decoding step, with the sizes on which its commands depend. */
interface Recording {
  readonly sequences: number;
  readonly pages: number;
  /** StepInterventions.structure. */
  readonly structure: string;
  readonly kind: string;
  readonly adapter: RequestAdapter | undefined;
  /** Ids whose values `rememberById` computes; undefined when the model does not call it. */
  readonly fresh: number | undefined;
  readonly feeds: readonly Feed[];
  readonly replay: Replay;
}

const serves = (
  { sequences, pages, structure, kind, adapter, fresh }: Recording,
  packed: Packed,
  wanted: string,
  wantedAdapter: RequestAdapter | undefined,
): boolean =>
  kind === wanted &&
  adapter === wantedAdapter &&
  structure === packed.interventions.structure &&
  sequences === packed.sequences.length &&
  pages === packed.pages &&
  (fresh === undefined || fresh === packed.byId.fresh.length);

const isDecoding = ({ ids, rows, tap, summary, interventions, state }: Request): boolean =>
  ids.length === 1 &&
  !tap &&
  (interventions?.isRecordableAt(state.length) ?? true) &&
  !summary?.targets &&
  rowsWanted(rows, 1).length === 1;

const isOneKind = (going: readonly Collector[]): boolean => going.every(({ kind }) => kind === going[0]?.kind);

function collect(going: readonly Collector[], numbers: Float32Array): void {
  for (const [i, collector] of going.entries()) collector.take(1, numbers, i, going.length);
}
