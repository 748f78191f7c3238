/**
 * Runs tokens through a model on a backend: cuts long prompts into pieces that bound the memory of a step, keeps states, and hands out
 * logits. Knows nothing of text.
 */
import type { Backend, Replay } from './backends/backend.ts';
import { opsOf } from './backends/eager.ts';
import { UsageError } from './errors.ts';
import type { KeyValueFormat } from './formats/key-values.ts';
import { Batch, type Sequence } from './models/batch.ts';
import type { LanguageModel, ModelFacts } from './models/model.ts';
import { State } from './models/state.ts';
import { blind, type Tap } from './models/tap.ts';
import type { Ops } from './ops/index.ts';
import { rows } from './tensor.ts';

/** Tokens of one step: enough that weights are read rarely, few enough that activations stay small. */
const PIECE_TOKENS = 256;

/** Steps of decoding that are kept recorded, each some hundred kilobytes. */
const MAX_RECORDED = 4;

/** Rows of logits made at once where all are wanted; [64, 128256] f32 is 33 MB. */
const HEAD_ROWS = 64;

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly tap?: Tap | undefined;
}

/** Throws UsageError when ids are none of the model's, or when a sequence would outgrow its context. */
export function checkSequences(
  { vocabSize, contextLength }: Pick<ModelFacts, 'vocabSize' | 'contextLength'>,
  sequences: readonly Sequence[],
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
        `${reach} tokens do not fit: this model reads at most ${contextLength}. Give it a shorter text.`,
      );
    }
  }
}

export class Engine {
  readonly model: LanguageModel;
  readonly backend: Backend;
  readonly ops: Ops;
  readonly keyValues: KeyValueFormat;
  /** The step of one token for some states, the last used first. */
  readonly #recorded: Recording[] = [];

  constructor(model: LanguageModel, backend: Backend, keyValues: KeyValueFormat = 'f32') {
    this.model = model;
    this.backend = backend;
    this.ops = opsOf(backend);
    this.keyValues = keyValues;
  }

  newState(): State {
    return new State(this.model.stateLayout, this.backend, this.ops, this.keyValues);
  }

  /** Reads all tokens and gives the logits [V] after the last one of each sequence; every sequence needs a state and a token. */
  async next(
    sequences: readonly Required<Sequence>[],
    { signal, tap = blind }: ReadOptions = {},
  ): Promise<Float32Array[]> {
    checkSequences(this.model.facts, sequences);
    if (sequences.some(({ ids }) => ids.length === 0))
      throw new UsageError('cannot predict after no token: give at least one.');
    const results: Float32Array[] = new Array(sequences.length);
    let open: Open[] = sequences.map(({ ids, state }, index) => ({ ids: Int32Array.from(ids), state, index }));
    while (open.length > 0) {
      signal?.throwIfAborted();
      const { piece, later } = cut(open);
      const single = tap === blind && piece.every(({ ids, last }) => last && ids.length === 1);
      const batch = new Batch(piece, { repeatable: single });
      const ended = piece.filter(({ last }) => last);
      const ends = piece.flatMap(({ last }, i) => (last ? [(batch.starts[i + 1] as number) - 1] : []));
      const numbers = single ? await this.#decode(batch) : await this.#read(batch, ends, tap);
      const width = numbers.length / ends.length;
      ended.forEach(({ index }, i) => {
        results[index] = numbers.length === width ? numbers : numbers.slice(i * width, (i + 1) * width);
      });
      batch.advance(tap === blind);
      open = later;
    }
    return results;
  }

  /**
   * Reads all tokens of one sequence and visits the logits of every position in order, some rows at a time: `visit(first, logits)`
   * gets [n, V] for the positions first..first + n. With `whole`, everything happens in one step, so that a tap sees whole tensors.
   */
  async every(
    { ids, state }: Required<Sequence>,
    visit: (first: number, logits: Float32Array) => void,
    { signal, tap = blind, whole = false }: ReadOptions & { readonly whole?: boolean } = {},
  ): Promise<void> {
    checkSequences(this.model.facts, [{ ids, state }]);
    const all = Int32Array.from(ids);
    const pieceTokens = whole ? Math.max(1, all.length) : PIECE_TOKENS;
    for (let first = 0; first < all.length; first += pieceTokens) {
      signal?.throwIfAborted();
      const batch = new Batch([{ ids: all.subarray(first, first + pieceTokens), state }]);
      await this.backend.step(async () => {
        const hidden = this.#forward(batch, tap);
        const headRows = whole ? batch.length : HEAD_ROWS;
        for (let row = 0; row < batch.length; row += headRows) {
          const some = rows(hidden, row, Math.min(row + headRows, batch.length));
          const logits = tap.at('')(
            'logits',
            this.ops.scope(() => this.model.logits(this.ops, some)),
          );
          visit(first + row, (await this.backend.read(logits)) as Float32Array);
        }
      });
      batch.advance(tap === blind);
    }
  }

  /** Logits [B, V] of some rows of a batch. */
  async #read(batch: Batch, ends: readonly number[], tap: Tap): Promise<Float32Array> {
    return this.backend.step(async () => {
      const hidden = this.#forward(batch, tap);
      if (ends.length === 0) return new Float32Array();
      const wanted = this.ops.embed(hidden, this.ops.upload(Int32Array.from(ends), [ends.length])); // [B, M]
      return (await this.backend.read(tap.at('')('logits', this.model.logits(this.ops, wanted)))) as Float32Array;
    });
  }

  /** Logits [B, V] after one token of each sequence: the step that is recorded when it is new, and run again when it is not. */
  async #decode(batch: Batch): Promise<Float32Array> {
    const found = this.#recorded.findIndex(({ states, known }) => batch.movesOn(states, known));
    const [step] = found < 0 ? [] : this.#recorded.splice(found, 1);
    const roomy = batch.fits;
    if (roomy) batch.reserve(); // else in the step: it copies
    if (step && roomy) {
      const numbers = await step.replay.run(step.feeds.map((make) => make(batch)));
      if (numbers) {
        this.#recorded.unshift(step);
        return numbers as Float32Array;
      }
    }
    step?.replay.dispose();
    const { numbers, replay } = await this.backend.record(() => {
      if (!roomy) batch.reserve();
      return this.model.logits(this.ops, this.model.forward(this.ops, batch, blind));
    });
    if (replay) this.#recorded.unshift({ states: batch.states, known: batch.known, feeds: batch.feeds, replay });
    for (const { replay: oldest } of this.#recorded.splice(MAX_RECORDED)) oldest.dispose();
    return numbers as Float32Array;
  }

  #forward(batch: Batch, tap: Tap) {
    batch.reserve();
    return this.model.forward(this.ops, batch, tap);
  }
}

/** A step of one token: for which states, and whether it copies values of tokens that are known by their id. */
interface Recording {
  readonly states: readonly State[];
  readonly known: string | undefined;
  readonly feeds: Batch['feeds'];
  readonly replay: Replay;
}

interface Open {
  readonly ids: Int32Array;
  readonly state: State;
  readonly index: number;
}

/** The first tokens of the open sequences that make up one step, and what is left for later. */
function cut(open: readonly Open[]): { piece: (Open & { last: boolean })[]; later: Open[] } {
  const piece: (Open & { last: boolean })[] = [];
  const later: Open[] = [];
  let room = PIECE_TOKENS;
  for (const { ids, state, index } of open) {
    const taken = Math.min(room, ids.length);
    room -= taken;
    if (taken > 0) piece.push({ ids: ids.subarray(0, taken), state, index, last: taken === ids.length });
    if (taken < ids.length) later.push({ ids: ids.subarray(taken), state, index });
  }
  return { piece, later };
}
