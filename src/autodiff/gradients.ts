/**
 * The gradients of a backward pass, and their memory. A gradient is freed when the node that made its tensor has passed it on; what a rule
 * computed on its way is freed when the rule has ended.
 */
import type { Place, Tensor } from '../base/tensor.ts';
import { accumulate } from '../ops/backward/accumulate.ts';
import { type Apply, Ops, type Tracer } from '../ops/index.ts';

interface Entry {
  readonly gradient: Tensor;
  /** Is it a sum that nothing else refers to, so that it may be changed in place? */
  readonly own: boolean;
}

export class Gradients {
  readonly #tracer: Tracer;
  readonly #ops: Ops;
  readonly #trained: ReadonlyMap<Tensor, Tensor>;
  readonly #entries = new Map<Tensor, Entry>();
  /** How many entries refer to the memory of a place. */
  readonly #uses = new Map<Place, number>();
  /** What rules have allocated and is not freed. */
  readonly #allocated = new Map<Place, Tensor>();

  constructor(inner: Tracer, trained: ReadonlyMap<Tensor, Tensor>) {
    const apply: Apply = (op, inputs, attrs) => {
      const outputs = inner.apply(op, inputs, attrs);
      if (!op.view) for (const y of outputs) this.#allocated.set(y.place, y);
      return outputs;
    };
    this.#tracer = {
      apply,
      upload: (data, shape) => inner.upload(data, shape),
      derived: (weight) => inner.derived(weight),
      release: (x) => inner.release(x),
      scope: (body) => inner.scope(body),
    };
    this.#ops = new Ops(this.#tracer);
    this.#trained = trained;
  }

  isTrained(x: Tensor): boolean {
    return this.#trained.has(x);
  }

  /** The gradient of a tensor so far, which is not a trained one. */
  of(x: Tensor): Tensor | undefined {
    return this.#entries.get(x)?.gradient;
  }

  give(x: Tensor, gradient: Tensor): void {
    const sum = this.#trained.get(x);
    if (sum) {
      this.#tracer.apply(accumulate, [sum, gradient], { by: 1 });
      return;
    }
    const before = this.#entries.get(x);
    if (!before) this.#set(x, { gradient, own: false });
    else if (before.own) this.#tracer.apply(accumulate, [before.gradient, gradient], { by: 1 });
    else this.#set(x, { gradient: this.#ops.add(before.gradient, gradient), own: true });
  }

  sumOf(x: Tensor): Tensor {
    const sum = this.#trained.get(x);
    if (sum) return sum;
    const before = this.#entries.get(x);
    if (before?.own) return before.gradient;
    const zeros = this.#ops.zeros(x.shape);
    if (before) this.#tracer.apply(accumulate, [zeros, before.gradient], { by: 1 });
    this.#set(x, { gradient: zeros, own: true });
    return zeros;
  }

  /** Runs a backward rule, then frees what it allocated and did not give. */
  rule(body: (run: { readonly ops: Ops; readonly apply: Apply }) => void): void {
    body({ ops: this.#ops, apply: this.#tracer.apply });
    for (const [place, x] of this.#allocated) if (!this.#uses.has(place)) this.#free(place, x);
  }

  /** The gradient of `x` is not needed any more. */
  drop(x: Tensor): void {
    const entry = this.#entries.get(x);
    if (!entry) return;
    this.#entries.delete(x);
    this.#forget(entry.gradient);
  }

  /** Frees the memory of a value of the forward pass, unless a gradient has it. */
  release(x: Tensor): void {
    if (!this.#uses.has(x.place)) this.#tracer.release(x);
  }

  finish(): void {
    for (const x of [...this.#entries.keys()]) this.drop(x);
  }

  #set(x: Tensor, entry: Entry): void {
    const { place } = entry.gradient;
    this.#uses.set(place, (this.#uses.get(place) ?? 0) + 1);
    this.drop(x);
    this.#entries.set(x, entry);
  }

  #forget({ place }: Tensor): void {
    const left = (this.#uses.get(place) as number) - 1;
    if (left > 0) {
      this.#uses.set(place, left);
      return;
    }
    this.#uses.delete(place);
    const x = this.#allocated.get(place);
    if (x) this.#free(place, x);
  }

  #free(place: Place, x: Tensor): void {
    this.#allocated.delete(place);
    this.#tracer.release(x);
  }
}
