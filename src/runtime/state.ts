/**
 * What a model remembers of one sequence: keys and values that grow by a row per token, or a recurrent state of fixed size. It can be
 * copied, rewound, saved and loaded; nothing else remembers. The numbers lie in the engine's StatePool: copies share them until one of the
 * two is continued.
 */
import { CheckpointError, UsageError } from '../base/errors.ts';
import { PAGE_ROWS, poolRow } from '../base/pages.ts';
import type { Uploadable } from '../base/tensor.ts';
import {
  arrayLength,
  type ElementType,
  rows,
  type Shape,
  show,
  size,
  type Tensor,
  type TypedArray,
} from '../base/tensor.ts';
import { i8Rows } from '../formats/i8-rows.ts';
import { KEY_VALUE_DTYPE, type KeyValueFormat } from '../formats/key-values.ts';
import {
  agreement,
  checkContinues,
  provenance,
  recordedTraces,
  type Segment,
  type Traces,
  tracesOf,
} from '../interventions/provenance.ts';
import type { StateTensor } from '../models/model.ts';
import type { Holding, StatePool } from './state-pool.ts';

export interface SavedState {
  /** The tokens that were read. */
  readonly ids: readonly number[];
  /** Float32Array, or Uint16Array (f16) or Int8Array (i8, as src/formats/i8-rows.ts says) where keys and values are kept so. */
  readonly tensors: ReadonlyMap<string, SavedTensor>;
  /** Under which interventions it was made; left out when under none. */
  readonly interventions?: string;
}

interface Advance {
  readonly plain?: boolean;
  readonly under?: Traces | undefined;
}

interface SavedTensor {
  readonly shape: Shape;
  readonly data: TypedArray;
}

export class State implements Holding {
  readonly #pool: StatePool;
  /** Where its rows lie: for the runtime, which keeps the books. */
  pages: number[] = [];
  slot: number | undefined;
  #ids: number[] = [];
  /** From this token on, what depends on an id alone was never looked at, and so never replaced. */
  #plainFrom = 0;
  /** Under which interventions it was made, one segment after another. */
  #made: Segment[] = [];
  #reading = false;
  #disposed = false;

  constructor(pool: StatePool) {
    this.#pool = pool;
  }

  get layout(): readonly StateTensor[] {
    return this.#pool.layout;
  }

  /** How the tensors that grow are kept; the others are f32. */
  get keyValues(): KeyValueFormat {
    return this.#pool.keyValues;
  }

  /** Tokens read so far: how many. */
  get length(): number {
    return this.#ids.length;
  }

  /** Tokens read so far: which. */
  get ids(): readonly number[] {
    return this.#ids;
  }

  /** False after dispose, and after a pass that failed: a recurrent state may have taken in half of it. */
  get intact(): boolean {
    return !this.#disposed && (!this.#reading || this.rewindable);
  }

  /** Can it go back to any token? Not a recurrent state, which keeps no history. */
  get rewindable(): boolean {
    return this.layout.every(({ grows }) => grows);
  }

  /** Bytes held now, also those that other states share. */
  get bytes(): number {
    return this.#pool.bytesOf([this]);
  }

  /**
   * How many of `ids`, to be read under these interventions, need not be read when this state is rewound to there; one remains, for the model
   * to predict after it.
   */
  reusable(ids: readonly number[], under?: Traces): number {
    const common = Math.min(commonPrefix(this.#ids, ids), Math.max(0, ids.length - 1));
    if (!this.rewindable && common !== this.length) return 0;
    return agreement(this.#made, [{ from: 0, to: common, under }], common, { exactly: !this.rewindable });
  }

  /** An earlier token with this id whose rows may be copied where they depend on the id alone; undefined when there is none. */
  rowOf(id: number): number | undefined {
    const row = this.#ids.indexOf(id, this.#plainFrom);
    return row < 0 ? undefined : row;
  }

  /** Throws UsageError when nothing can be read after it. */
  checkReadable(): void {
    if (this.#disposed) throw new UsageError('this state was disposed; make a new one.');
    if (!this.intact) throw passFailed();
  }

  /**
   * Throws UsageError when it was made under interventions that are not among these, or when one of these that holds everywhere was not in force.
   */
  checkContinues(under: Traces | undefined): void {
    if (this.length > 0) checkContinues(tracesOf(this.#made, this.length), under);
  }

  /** A step begins to read into it. */
  begin(): void {
    this.#reading = true;
  }

  /**
   * The step that read these tokens has ended. `plain`: their rows may be copied for other tokens with these ids. `under`: the interventions
   * under which they were read.
   */
  advance(ids: ArrayLike<number>, { plain = false, under }: Advance = {}): void {
    const [from, to] = [this.length, this.length + ids.length];
    const last = this.#made.at(-1);
    if (last && last.under === under) this.#made[this.#made.length - 1] = { from: last.from, to, under };
    else this.#made.push({ from, to, under });
    for (let i = 0; i < ids.length; i++) this.#ids.push(ids[i] as number);
    if (!plain) this.#plainFrom = this.length;
    this.#reading = false;
  }

  /** Which interventions left a trace in what was read of the first `length` tokens, and where; empty when none did. */
  provenance(length = this.length): string {
    return provenance(tracesOf(this.#made, length));
  }

  /** The step failed. */
  fail(): void {
    this.#pool.release(this, this.length);
  }

  /** Forgets all tokens from position `length` on. A recurrent state cannot unread: clone() it before, or rewind to 0. */
  async rewind(length: number): Promise<void> {
    await this.#pool.turn(async () => {
      this.#checkReachable(length);
      this.#ids.length = length;
      this.#pool.release(this, length);
      this.#plainFrom = Math.min(this.#plainFrom, length);
      this.#made = upTo(this.#made, length);
      this.#reading = false;
    });
  }

  /** An independent copy, of the first `length` tokens where a state can go back to these; as rewind. It costs memory when one is continued. */
  async clone(length?: number): Promise<State> {
    if (this.#reading) await this.#pool.turn(async () => {});
    const kept = length ?? this.length;
    this.#checkReachable(kept);
    const copy = new State(this.#pool);
    if (kept === 0) return copy;
    copy.pages = [...this.pages];
    copy.slot = this.slot;
    copy.#ids = this.#ids.slice(0, kept);
    copy.#plainFrom = Math.min(this.#plainFrom, kept);
    copy.#made = upTo(this.#made, kept);
    this.#pool.share(copy);
    this.#pool.release(copy, kept);
    return copy;
  }

  /** The numbers themselves, to be written to a file. */
  async save(): Promise<SavedState> {
    return this.#pool.turn(async () => {
      this.checkReadable();
      const tensors = new Map<string, SavedTensor>();
      for (const { name, shape, grows } of this.layout) {
        if (!grows) tensors.set(name, { shape, data: await this.#readSlot(name, shape) });
        else if (this.length > 0)
          tensors.set(name, { shape: [this.length, ...shape], data: await this.#readRows(name) });
      }
      const interventions = this.provenance();
      return { ids: [...this.#ids], tensors, ...(interventions ? { interventions } : {}) };
    });
  }

  async #readSlot(name: string, shape: Shape): Promise<TypedArray> {
    if (this.slot === undefined) return new Float32Array(size(shape));
    return this.#pool.backend.read(rows(this.#pool.tensor(name), this.slot, this.slot + 1));
  }

  async #readRows(name: string): Promise<TypedArray> {
    const pool = this.#pool.tensor(name);
    let all: TypedArray | undefined;
    let at = 0;
    for (let first = 0; first < this.length; first += PAGE_ROWS) {
      const row = poolRow(this.pages, first);
      const some = await this.#pool.backend.read(rows(pool, row, row + Math.min(PAGE_ROWS, this.length - first)));
      all ??= emptyLike(some, arrayLength([this.length, ...pool.shape.slice(1)], pool.dtype));
      all.set(some, at);
      at += some.length;
    }
    return all as TypedArray;
  }

  /**
   * Takes over what `save` gave. Throws CheckpointError, and changes nothing, when it is of another model, or keeps keys and values in
   * another format; only f32 ones can be taken over into any.
   */
  async load(saved: SavedState): Promise<void> {
    this.#checkSaved(saved);
    if (this.#disposed) throw new UsageError('this state was disposed; make a new one.');
    const pool = this.#pool;
    const { ids } = saved;
    const under = saved.interventions ? recordedTraces(saved.interventions) : undefined;
    await pool.turn(async () => {
      this.#ids = [];
      this.#made = [];
      this.#plainFrom = 0;
      this.#reading = false;
      pool.release(this);
      if (ids.length === 0) return;
      await pool.prepare([{ holding: this, count: ids.length }]);
      this.begin();
      await pool.backend.step(async () => {
        const places = Int32Array.from({ length: ids.length }, (_, s) => poolRow(this.pages, s));
        for (const { name, shape, grows } of this.layout) {
          const { data } = saved.tensors.get(name) as SavedTensor;
          const numbers = (axes: Shape): Tensor => ({
            ...pool.ops.upload(data as Uploadable, axes),
            dtype: savedDType(data),
          });
          const target = pool.tensor(name);
          if (grows) pool.ops.writeRows(target, numbers([ids.length, ...shape]), pool.ops.upload(places, [ids.length]));
          else pool.ops.assign(rows(target, this.slot as number, (this.slot as number) + 1), numbers([1, ...shape]));
        }
      });
      this.advance(ids, { under });
    });
  }

  #checkSaved({ ids, tensors }: SavedState): void {
    if (!Array.isArray(ids))
      throw new CheckpointError(
        'saved state: it has no ids, as if an older version had saved it; read its text again.',
      );
    for (const { name, shape, grows } of this.layout) {
      const wanted = grows ? [ids.length, ...shape] : shape;
      const found = tensors.get(name);
      if (grows && ids.length === 0) continue;
      const dtype = grows ? KEY_VALUE_DTYPE[this.keyValues] : 'f32';
      const fits = ({ data }: SavedTensor) => data.length === arrayLength(wanted, savedDType(data));
      if (!found || !fits(found)) {
        const came = found ? show(found.shape) : 'nothing';
        throw new CheckpointError(`saved state: '${name}' came as ${came}, this model wants ${show(wanted)}.`);
      }
      const came = savedDType(found.data);
      if (came !== dtype && !(grows && came === 'f32'))
        throw new CheckpointError(`saved state: '${name}' came as ${came}, this model keeps it as ${dtype}.`);
    }
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#pool.release(this);
  }

  #checkReachable(length: number): void {
    if (!Number.isInteger(length) || length < 0 || length > this.length) {
      throw new UsageError(`cannot go to token ${length}: this state has read ${this.length} tokens.`);
    }
    if (length === 0 || this.rewindable) return;
    if (length < this.length) {
      throw new UsageError(
        `a recurrent state keeps no history: it cannot go back from ${this.length} to ${length} tokens. ` +
          `Take clone() at the points you want to return to.`,
      );
    }
    if (!this.intact) throw passFailed();
  }
}

/** How many ids are the same from the beginning on. */
export function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return i;
  return shorter;
}

/** The segments of the first `length` tokens. */
function upTo(segments: readonly Segment[], length: number): Segment[] {
  return segments.flatMap(({ from, to, under }) => (from < length ? [{ from, to: Math.min(to, length), under }] : []));
}

/** Of the three that `save` gives. */
function savedDType(data: TypedArray): ElementType {
  if (data instanceof Float32Array) return 'f32';
  return data instanceof Uint16Array ? 'f16' : i8Rows;
}

function emptyLike(data: TypedArray, length: number): TypedArray {
  return new (data.constructor as new (length: number) => TypedArray)(length);
}

function passFailed(): UsageError {
  return new UsageError('the last pass over this recurrent state failed: rewind it to 0, or go on from a clone.');
}
