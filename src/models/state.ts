/**
 * What a model remembers of one sequence: keys and values that grow by a row per token, or a recurrent state of fixed size.
 * It can be copied, rewound, saved and loaded; nothing else remembers.
 */
import { CheckpointError, UsageError } from '../errors.ts';
import type { Ops } from '../ops/index.ts';
import { byteSize, type DType, rows, type Shape, show, size, type Tensor, type TypedArray } from '../tensor.ts';

/** One tensor of a state. With `grows`, `shape` is that of one token's row. */
export interface StateTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly grows: boolean;
}

/** The part of a backend that a state needs. */
export interface StateMemory {
  allocate(shape: Shape, dtype: DType): Tensor;
  free(x: Tensor): void;
  step<R>(body: () => Promise<R>): Promise<R>;
  read(x: Tensor): Promise<TypedArray>;
}

export interface SavedState {
  readonly length: number;
  readonly tensors: ReadonlyMap<string, { readonly shape: Shape; readonly data: Float32Array }>;
}

/** Rows taken at once when a state must grow; doubling follows. */
const FIRST_ROWS = 64;

export class State {
  readonly layout: readonly StateTensor[];
  readonly #memory: StateMemory;
  readonly #ops: Ops;
  readonly #tensors = new Map<string, Tensor>();
  #retired: Tensor[] = [];
  #capacity = 0;
  #length = 0;
  #disposed = false;

  constructor(layout: readonly StateTensor[], memory: StateMemory, ops: Ops) {
    this.layout = layout;
    this.#memory = memory;
    this.#ops = ops;
    for (const { name, shape, grows } of layout) if (!grows) this.#tensors.set(name, memory.allocate(shape, 'f32'));
  }

  /** Tokens read so far. */
  get length(): number {
    return this.#length;
  }

  /** Bytes held now. */
  get bytes(): number {
    return [...this.#tensors.values()].reduce((sum, { shape, dtype }) => sum + byteSize(shape, dtype), 0);
  }

  /** Live memory of the tensor of this name; growing ones as [capacity, ...]. */
  tensor(name: string): Tensor {
    const found = this.#tensors.get(name);
    if (!found)
      throw new UsageError(`this state has no tensor '${name}': it belongs to another model, or was disposed.`);
    return found;
  }

  /** Makes room for `count` more tokens. Inside a step: old memory is kept until `advance`. */
  reserve(count: number): void {
    if (this.#disposed) throw new UsageError('this state was disposed; make a new one.');
    const needed = this.#length + count;
    if (needed <= this.#capacity) return;
    const capacity = Math.max(needed, this.#capacity === 0 ? FIRST_ROWS : 2 * this.#capacity);
    for (const { name, shape, grows } of this.layout) {
      if (!grows) continue;
      const old = this.#tensors.get(name);
      const grown = this.#memory.allocate([capacity, ...shape], 'f32');
      if (old) {
        if (this.#length > 0) this.#ops.writeRows(grown, rows(old, 0, this.#length), 0);
        this.#retired.push(old);
      }
      this.#tensors.set(name, grown);
    }
    this.#capacity = capacity;
  }

  /** After a step that read `count` tokens has ended. */
  advance(count: number): void {
    this.#length += count;
    for (const old of this.#retired) this.#memory.free(old);
    this.#retired = [];
  }

  /** Forgets all tokens from position `length` on. A recurrent state cannot unread: clone() it before, or rewind to 0. */
  async rewind(length: number): Promise<void> {
    if (!Number.isInteger(length) || length < 0 || length > this.#length) {
      throw new UsageError(`cannot rewind to ${length}: this state has read ${this.#length} tokens.`);
    }
    const fixed = this.layout.filter(({ grows }) => !grows);
    if (fixed.length > 0 && length !== this.#length) {
      if (length > 0) {
        throw new UsageError(
          `a recurrent state keeps no history: it cannot go back from ${this.#length} to ${length} tokens. ` +
            `Take clone() at the points you want to return to.`,
        );
      }
      await this.#memory.step(async () => {
        for (const { name, shape } of fixed) this.#ops.assign(this.tensor(name), this.#ops.zeros(shape));
      });
    }
    this.#length = length;
  }

  /** An independent copy. */
  async clone(): Promise<State> {
    const copy = new State(this.layout, this.#memory, this.#ops);
    await this.#memory.step(async () => {
      copy.reserve(this.#length);
      for (const { name, grows } of this.layout) {
        if (!grows) this.#ops.assign(copy.tensor(name), this.tensor(name));
        else if (this.#length > 0) this.#ops.writeRows(copy.tensor(name), rows(this.tensor(name), 0, this.#length), 0);
      }
    });
    copy.advance(this.#length);
    return copy;
  }

  /** The numbers themselves, to be written to a file. */
  async save(): Promise<SavedState> {
    const tensors = new Map<string, { shape: Shape; data: Float32Array }>();
    for (const { name, grows } of this.layout) {
      if (grows && this.#length === 0) continue;
      const live = grows ? rows(this.tensor(name), 0, this.#length) : this.tensor(name);
      tensors.set(name, { shape: live.shape, data: (await this.#memory.read(live)) as Float32Array });
    }
    return { length: this.#length, tensors };
  }

  /** Takes over what `save` gave. Throws CheckpointError, and changes nothing, when it is of another model. */
  async load(saved: SavedState): Promise<void> {
    for (const { name, shape, grows } of this.layout) {
      const wanted = grows ? [saved.length, ...shape] : shape;
      const found = saved.tensors.get(name);
      if (grows && saved.length === 0) continue;
      if (found?.data.length !== size(wanted)) {
        const came = found ? show(found.shape) : 'nothing';
        throw new CheckpointError(`saved state: '${name}' came as ${came}, this model wants ${show(wanted)}.`);
      }
    }
    await this.#memory.step(async () => {
      this.#length = 0;
      this.reserve(saved.length);
      for (const { name, grows } of this.layout) {
        const found = saved.tensors.get(name);
        if (!found) continue;
        const numbers = this.#ops.upload(found.data, found.shape);
        if (grows) this.#ops.writeRows(this.tensor(name), numbers, 0);
        else this.#ops.assign(this.tensor(name), numbers);
      }
    });
    this.advance(saved.length);
  }

  dispose(): void {
    for (const x of [...this.#tensors.values(), ...this.#retired]) this.#memory.free(x);
    this.#tensors.clear();
    this.#retired = [];
    this.#disposed = true;
  }
}
