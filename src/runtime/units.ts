/**
 * Reference-counted units of memory: pages of rows (KV cache), or slots of fixed size (recurrent states). Each name of a layout has one
 * tensor, and unit u has the same index in all of them. A unit with more than one owner must not be written.
 */
import type { Backend } from '../backends/backend.ts';
import { byteSize, type ElementType, rows, type Tensor } from '../base/tensor.ts';
import type { StateTensor } from '../models/model.ts';
import type { Ops } from '../ops/index.ts';

export interface UnitsOptions {
  readonly layout: readonly StateTensor[];
  /** Rows of a unit. */
  readonly unitRows: number;
  readonly dtype: ElementType;
  readonly backend: Backend;
  readonly ops: Ops;
}

export class Units {
  readonly layout: readonly StateTensor[];
  readonly unitRows: number;
  readonly dtype: ElementType;
  /** Bytes of one unit in all tensors together. */
  readonly unitBytes: number;
  readonly #backend: Backend;
  readonly #ops: Ops;
  readonly #tensors = new Map<string, Tensor>();
  /** Reference count of each unit. */
  #holders: number[] = [];
  /** Free units; the last one is taken next. */
  #free: number[] = [];
  /** Never written since the memory came from the backend: still zero. */
  readonly #clean = new Set<number>();

  constructor({ layout, unitRows, dtype, backend, ops }: UnitsOptions) {
    this.layout = layout;
    this.unitRows = unitRows;
    this.dtype = dtype;
    this.unitBytes = layout.reduce((sum, { shape }) => sum + byteSize([unitRows, ...shape], dtype), 0);
    this.#backend = backend;
    this.#ops = ops;
  }

  get capacity(): number {
    return this.#holders.length;
  }

  get used(): number {
    return this.capacity - this.#free.length;
  }

  /** Undefined for a name that is not in the layout, and while there are no units. */
  tensor(name: string): Tensor | undefined {
    return this.#tensors.get(name);
  }

  /** Takes a free unit; its contents are undefined. */
  take(): number {
    const unit = this.#free.pop();
    if (unit === undefined) throw new Error('no unit is free: grow first');
    this.#holders[unit] = 1;
    return unit;
  }

  share(unit: number): void {
    this.#holders[unit] = (this.#holders[unit] as number) + 1;
  }

  isShared(unit: number): boolean {
    return (this.#holders[unit] as number) > 1;
  }

  release(unit: number): void {
    const others = (this.#holders[unit] as number) - 1;
    this.#holders[unit] = others;
    if (others === 0) this.#free.push(unit);
  }

  /** Grows to `capacity` units. Throws RangeError, and changes nothing, when memory runs out. */
  async grow(capacity: number): Promise<void> {
    const grown = new Map<string, Tensor>();
    try {
      await this.#backend.step(async () => {
        for (const { name, shape } of this.layout) {
          const tensor = this.#backend.allocate([capacity * this.unitRows, ...shape], this.dtype);
          grown.set(name, tensor);
          const old = this.#tensors.get(name);
          if (old) this.#ops.assign(rows(tensor, 0, this.capacity * this.unitRows), old);
        }
      });
    } catch (error) {
      for (const tensor of grown.values()) this.#backend.free(tensor);
      throw error;
    }
    this.#freeTensors();
    for (const [name, tensor] of grown) this.#tensors.set(name, tensor);
    const fresh = Array.from({ length: capacity - this.capacity }, (_, i) => capacity - 1 - i);
    for (const unit of fresh) this.#clean.add(unit);
    this.#free = [...fresh, ...this.#free];
    this.#holders = [...this.#holders, ...fresh.map(() => 0)];
  }

  /** Frees all memory, if no unit is in use. */
  drop(): void {
    if (this.used > 0) return;
    this.#freeTensors();
    this.#holders = [];
    this.#free = [];
    this.#clean.clear();
  }

  #freeTensors(): void {
    for (const tensor of this.#tensors.values()) this.#backend.free(tensor);
    this.#tensors.clear();
  }

  /** Copies the first `count` rows of a unit; must be called inside of a step. */
  copy(from: number, to: number, count = this.unitRows): void {
    this.#clean.delete(to);
    const numbers = (unit: number) => Int32Array.from({ length: count }, (_, i) => unit * this.unitRows + i);
    const [source, target] = [from, to].map((unit) => this.#ops.upload(numbers(unit), [count])) as [Tensor, Tensor];
    for (const tensor of this.#tensors.values()) this.#ops.copyRows(tensor, source, target);
  }

  /** Sets a unit to zero; must be called inside of a step. */
  clear(unit: number): void {
    if (this.#clean.delete(unit)) return;
    const at = unit * this.unitRows;
    for (const { name, shape } of this.layout) {
      const zeros = this.#ops.zeros([this.unitRows, ...shape]);
      this.#ops.assign(rows(this.#tensors.get(name) as Tensor, at, at + this.unitRows), zeros);
    }
  }
}
