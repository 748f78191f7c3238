/**
 * The state of one sequence: a KV cache that grows by a row per token, or a recurrent state of fixed size. It can be copied, rewound, saved
 * and loaded. Its numbers are in the engine's StatePool; copies share them until one of them is continued.
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
  checkAdapter,
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
  /** Float32Array; a KV cache may also be Uint16Array (f16) or Int8Array (i8, see src/formats/i8-rows.ts). */
  readonly tensors: ReadonlyMap<string, SavedTensor>;
  /** The interventions it was made under; absent when there were none. */
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
  /** Pages of its rows in the pool; only for src/runtime. */
  pages: number[] = [];
  slot: number | undefined;
  #ids: number[] = [];
  /** From this token on, values that depend only on the id were not changed by a tap or an intervention, so they may be copied. */
  #plainFrom = 0;
  /** The interventions it was made under, in segments of tokens. */
  #made: Segment[] = [];
  #reading = false;
  #disposed = false;

  constructor(pool: StatePool) {
    this.#pool = pool;
  }

  get layout(): readonly StateTensor[] {
    return this.#pool.layout;
  }

  /** Format of the KV cache; recurrent states are f32. */
  get keyValues(): KeyValueFormat {
    return this.#pool.keyValues;
  }

  /** Number of tokens read so far. */
  get length(): number {
    return this.#ids.length;
  }

  /** Ids of the tokens read so far. */
  get ids(): readonly number[] {
    return this.#ids;
  }

  /** False after dispose, and after a failed pass over a recurrent state, which may be half updated. */
  get intact(): boolean {
    return !this.#disposed && (!this.#reading || this.rewindable);
  }

  /** Can it be rewound to any token? A recurrent state cannot, because it keeps no history. */
  get rewindable(): boolean {
    return this.layout.every(({ grows }) => grows);
  }

  /** Bytes held now, including those shared with other states. */
  get bytes(): number {
    return this.#pool.bytesOf([this]);
  }

  /**
   * How many of `ids` this state has already read under these interventions; all but one at most, since the last must be read to predict
   * after it.
   */
  reusable(ids: readonly number[], under?: Traces): number {
    const common = Math.min(commonPrefix(this.#ids, ids), Math.max(0, ids.length - 1));
    if (!this.rewindable && common !== this.length) return 0;
    return agreement(this.#made, [{ from: 0, to: common, under }], common, { exactly: !this.rewindable });
  }

  /** Row of an earlier token with this id, from which values that depend only on the id may be copied; undefined when there is none. */
  rowOf(id: number): number | undefined {
    const row = this.#ids.indexOf(id, this.#plainFrom);
    return row < 0 ? undefined : row;
  }

  /** Throws UsageError when the state was disposed or its last pass failed. */
  checkReadable(): void {
    if (this.#disposed) throw new UsageError('this state was disposed; make a new one.');
    if (!this.intact) throw passFailed();
  }

  /**
   * Throws UsageError when the state was made under interventions that are not in `under`, or without one of these that applies to all
   * positions.
   */
  checkContinues(under: Traces | undefined): void {
    if (this.length > 0) checkContinues(tracesOf(this.#made, this.length), under);
  }

  /** Throws UsageError when the state was read with another adapter. */
  checkAdapter(adapter: Traces | undefined): void {
    if (this.length > 0) checkAdapter(tracesOf(this.#made, this.length), adapter);
  }

  /** Marks the beginning of a step that updates it. */
  begin(): void {
    this.#reading = true;
  }

  /**
   * Marks the end of the step that read `ids`. `plain`: values that depend only on the id were left unchanged, so they may be copied later.
   * `under`: the interventions of the step.
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

  /** Text that identifies the interventions that affected the first `length` tokens, and where; empty for none. */
  provenance(length = this.length): string {
    return provenance(tracesOf(this.#made, length));
  }

  /** Marks the failure of a step. */
  fail(): void {
    this.#pool.release(this, this.length);
  }

  /** Removes all tokens from position `length` on. A recurrent state can only be rewound to 0: clone() it before. */
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

  /**
   * An independent copy, of the first `length` tokens if given; the same limits as for `rewind`. It takes memory only when one of the two
   * is continued.
   */
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

  /** Copies the numbers out, to be written to a file. */
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
   * Loads what `save` returned. Throws CheckpointError, and changes nothing, when it is from another model, or has a KV cache of another
   * format; f32 can be loaded into any format.
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

/** Length of the common prefix. */
export function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return i;
  return shorter;
}

/** The segments of the first `length` tokens. */
function upTo(segments: readonly Segment[], length: number): Segment[] {
  return segments.flatMap(({ from, to, under }) => (from < length ? [{ from, to: Math.min(to, length), under }] : []));
}

/** The element type of an array returned by `save`. */
function savedDType(data: TypedArray): ElementType {
  if (data instanceof Float32Array) return 'f32';
  return data instanceof Uint16Array ? 'f16' : i8Rows;
}

function emptyLike(data: TypedArray, length: number): TypedArray {
  return new (data.constructor as new (length: number) => TypedArray)(length);
}

function passFailed(): UsageError {
  return new UsageError('the last pass over this recurrent state failed: rewind it to 0, or continue from a clone.');
}
