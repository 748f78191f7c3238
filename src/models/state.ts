/**
 * What a model remembers of one sequence: keys and values that grow by a row per token, or a recurrent state of fixed size.
 * It can be copied, rewound, saved and loaded; nothing else remembers.
 */
import { CheckpointError, UsageError } from '../errors.ts';
import { i8Rows } from '../formats/i8-rows.ts';
import { KEY_VALUE_DTYPE, type KeyValueFormat } from '../formats/key-values.ts';
import type { Ops } from '../ops/index.ts';
import {
  arrayLength,
  byteSize,
  type ElementType,
  rows,
  type Shape,
  show,
  type Tensor,
  type TypedArray,
  type Uploadable,
} from '../tensor.ts';

/** One tensor of a state. With `grows`, `shape` is that of one token's row. */
export interface StateTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly grows: boolean;
}

/** The part of a backend that a state needs. */
export interface StateMemory {
  allocate(shape: Shape, dtype: ElementType): Tensor;
  free(x: Tensor): void;
  step<R>(body: () => Promise<R>): Promise<R>;
  read(x: Tensor): Promise<TypedArray>;
}

export interface SavedState {
  /** The tokens that were read. */
  readonly ids: readonly number[];
  /** Float32Array, or Uint16Array (f16) or Int8Array (i8, as src/formats/i8-rows.ts says) where keys and values are kept so. */
  readonly tensors: ReadonlyMap<string, SavedTensor>;
}

interface SavedTensor {
  readonly shape: Shape;
  readonly data: TypedArray;
}

/** Rows taken at once when a state must grow; doubling follows. */
const FIRST_ROWS = 64;

export class State {
  readonly layout: readonly StateTensor[];
  /** How the tensors that grow are kept; the others are f32. */
  readonly keyValues: KeyValueFormat;
  readonly #memory: StateMemory;
  readonly #ops: Ops;
  readonly #tensors = new Map<string, Tensor>();
  #retired: Tensor[] = [];
  #capacity = 0;
  #ids: number[] = [];
  /** From this token on, what depends on an id alone was never looked at, and so never replaced. */
  #plainFrom = 0;
  #reading = false;
  #disposed = false;

  constructor(layout: readonly StateTensor[], memory: StateMemory, ops: Ops, keyValues: KeyValueFormat = 'f32') {
    this.layout = layout;
    this.keyValues = keyValues;
    this.#memory = memory;
    this.#ops = ops;
    for (const { name, shape, grows } of layout) if (!grows) this.#tensors.set(name, memory.allocate(shape, 'f32'));
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

  /** Bytes held now. */
  get bytes(): number {
    return [...this.#tensors.values()].reduce((sum, { shape, dtype }) => sum + byteSize(shape, dtype), 0);
  }

  /** How many of `ids` need not be read when this state is rewound to there; one remains, for the model to predict after it. */
  reusable(ids: readonly number[]): number {
    const common = Math.min(commonPrefix(this.#ids, ids), Math.max(0, ids.length - 1));
    return this.rewindable || common === this.length ? common : 0;
  }

  /** An earlier token with this id whose rows may be copied where they depend on the id alone; undefined when there is none. */
  rowOf(id: number): number | undefined {
    const row = this.#ids.indexOf(id, this.#plainFrom);
    return row < 0 ? undefined : row;
  }

  get #dtype(): ElementType {
    return KEY_VALUE_DTYPE[this.keyValues];
  }

  /** Live memory of the tensor of this name; growing ones as [capacity, ...]. */
  tensor(name: string): Tensor {
    const found = this.#tensors.get(name);
    if (!found)
      throw new UsageError(`this state has no tensor '${name}': it belongs to another model, or was disposed.`);
    return found;
  }

  /** Is there room for `count` more tokens? */
  fits(count: number): boolean {
    return this.length + count <= this.#capacity || this.layout.every(({ grows }) => !grows);
  }

  /** Makes room for `count` more tokens. Inside a step: old memory is kept until `advance`. */
  reserve(count: number): void {
    if (this.#disposed) throw new UsageError('this state was disposed; make a new one.');
    if (!this.intact) throw passFailed();
    this.#reading = true;
    const needed = this.length + count;
    if (needed <= this.#capacity) return;
    const capacity = Math.max(needed, this.#capacity === 0 ? FIRST_ROWS : 2 * this.#capacity);
    for (const { name, shape, grows } of this.layout) {
      if (!grows) continue;
      const old = this.#tensors.get(name);
      const grown = this.#memory.allocate([capacity, ...shape], this.#dtype);
      if (old) {
        if (this.length > 0) this.#ops.writeRows(grown, rows(old, 0, this.length), 0);
        this.#retired.push(old);
      }
      this.#tensors.set(name, grown);
    }
    this.#capacity = capacity;
  }

  /** After a step that read these tokens has ended. `plain`: their rows may be copied for other tokens with these ids. */
  advance(ids: ArrayLike<number>, plain = false): void {
    for (let i = 0; i < ids.length; i++) this.#ids.push(ids[i] as number);
    if (!plain) this.#plainFrom = this.length;
    this.#reading = false;
    for (const old of this.#retired) this.#memory.free(old);
    this.#retired = [];
  }

  /** Forgets all tokens from position `length` on. A recurrent state cannot unread: clone() it before, or rewind to 0. */
  async rewind(length: number): Promise<void> {
    this.#checkReachable(length);
    const fixed = this.layout.filter(({ grows }) => !grows);
    if (fixed.length > 0 && (length !== this.length || !this.intact)) {
      await this.#memory.step(async () => {
        for (const { name, shape } of fixed) this.#ops.assign(this.tensor(name), this.#ops.zeros(shape));
      });
    }
    this.#ids.length = length;
    this.#plainFrom = Math.min(this.#plainFrom, length);
    this.#reading = false;
  }

  /** An independent copy, of the first `length` tokens where a state can go back to these; as rewind. */
  async clone(length: number = this.length): Promise<State> {
    this.#checkReachable(length);
    const copy = new State(this.layout, this.#memory, this.#ops, this.keyValues);
    if (length === 0) return copy;
    try {
      await this.#memory.step(async () => {
        copy.reserve(length);
        for (const { name, grows } of this.layout) {
          if (!grows) this.#ops.assign(copy.tensor(name), this.tensor(name));
          else this.#ops.writeRows(copy.tensor(name), rows(this.tensor(name), 0, length), 0);
        }
      });
    } catch (error) {
      copy.dispose();
      throw error;
    }
    copy.advance(this.#ids.slice(0, length));
    copy.#plainFrom = Math.min(this.#plainFrom, length);
    return copy;
  }

  /** The numbers themselves, to be written to a file. */
  async save(): Promise<SavedState> {
    if (!this.intact) throw passFailed();
    const tensors = new Map<string, SavedTensor>();
    for (const { name, grows } of this.layout) {
      if (grows && this.length === 0) continue;
      const live = grows ? rows(this.tensor(name), 0, this.length) : this.tensor(name);
      tensors.set(name, { shape: live.shape, data: await this.#memory.read(live) });
    }
    return { ids: [...this.#ids], tensors };
  }

  /**
   * Takes over what `save` gave. Throws CheckpointError, and changes nothing, when it is of another model, or keeps keys and values in
   * another format; only f32 ones can be taken over into any.
   */
  async load(saved: SavedState): Promise<void> {
    const { ids } = saved;
    if (!Array.isArray(ids))
      throw new CheckpointError(
        'saved state: it has no ids, as if an older version had saved it; read its text again.',
      );
    for (const { name, shape, grows } of this.layout) {
      const wanted = grows ? [ids.length, ...shape] : shape;
      const found = saved.tensors.get(name);
      if (grows && ids.length === 0) continue;
      const dtype = grows ? this.#dtype : 'f32';
      const fits = ({ data }: SavedTensor) => data.length === arrayLength(wanted, savedDType(data));
      if (!found || !fits(found)) {
        const came = found ? show(found.shape) : 'nothing';
        throw new CheckpointError(`saved state: '${name}' came as ${came}, this model wants ${show(wanted)}.`);
      }
      const came = savedDType(found.data);
      if (came !== dtype && !(grows && came === 'f32'))
        throw new CheckpointError(`saved state: '${name}' came as ${came}, this model keeps it as ${dtype}.`);
    }
    await this.#memory.step(async () => {
      this.#ids = [];
      this.#reading = false;
      this.reserve(ids.length);
      for (const { name, grows } of this.layout) {
        const found = saved.tensors.get(name);
        if (!found) continue;
        const { data, shape } = found;
        const numbers: Tensor = { ...this.#ops.upload(data as Uploadable, shape), dtype: savedDType(data) };
        if (grows) this.#ops.writeRows(this.tensor(name), numbers, 0);
        else this.#ops.assign(this.tensor(name), numbers);
      }
    });
    this.advance(ids);
  }

  dispose(): void {
    if (this.#disposed) return;
    for (const x of [...this.#tensors.values(), ...this.#retired]) this.#memory.free(x);
    this.#tensors.clear();
    this.#retired = [];
    this.#disposed = true;
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

/** Of the three that `save` gives. */
function savedDType(data: TypedArray): ElementType {
  if (data instanceof Float32Array) return 'f32';
  return data instanceof Uint16Array ? 'f16' : i8Rows;
}

function passFailed(): UsageError {
  return new UsageError('the last pass over this recurrent state failed: rewind it to 0, or go on from a clone.');
}
