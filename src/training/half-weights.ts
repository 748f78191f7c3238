/**
 * Passes with weights in bf16, whose masters are f32: forward and backward read a copy of each trained matrix that is rounded half to even, and gradients
 * belong to the masters as if nothing were rounded (mixed precision, arXiv 1710.03740 §3.1). Norms, biases, routers and the like have no copies: they
 * are f32 in a loaded model too.
 */
import type { Backend } from '../backends/backend.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Plan } from '../loader/plan.ts';
import { convert } from '../ops/convert.ts';
import { type Apply, Ops, type Tracer } from '../ops/index.ts';
import type { TrainedTensor } from './trainable.ts';

/** Ops that read weights in their format. Others read numbers of a copy as f32. */
const READ_WEIGHTS: readonly string[] = ['linear', 'embed', 'experts', 'expertLinear', 'expertOutputs'];

export class HalfWeights {
  readonly #backend: Backend;
  readonly #ops: Ops;
  /** Master to copy. */
  readonly #copies: ReadonlyMap<Tensor, Tensor>;

  /** Allocates the copies. */
  constructor(backend: Backend, tracer: Tracer, plan: Plan, tensors: readonly TrainedTensor[]) {
    this.#backend = backend;
    this.#ops = new Ops(tracer);
    const matrices = [...plan.slices.values()].flat().filter(({ kind }) => kind !== 'vector');
    const trained = new Set(tensors.flatMap(({ weights }) => weights));
    const masters = matrices.map(({ target }): Tensor => target).filter((target) => trained.has(target));
    this.#copies = new Map(masters.map((master) => [master, backend.allocate(master.shape, 'bf16')]));
  }

  /** Rounds the masters once more, after they have changed. */
  refresh(): Promise<void> {
    return this.#backend.step(async () => {
      for (const [master, copy] of this.#copies)
        this.#ops.scope(() => {
          this.#ops.assign(copy, this.#ops.convert(master, 'bf16'));
          return copy;
        });
    });
  }

  /** What a pass differentiates: copies in the place of masters, with the gradients of these. */
  trained(masters: ReadonlyMap<Tensor, Tensor>): Map<Tensor, Tensor> {
    return new Map([...masters].map(([master, gradient]) => [this.#copies.get(master) ?? master, gradient]));
  }

  /** The tracer with which a model reads the copies. */
  readonly adapt = (inner: Tracer): Tracer => {
    const apply: Apply = (op, inputs, attrs) =>
      inner.apply(
        op,
        inputs.map((x) => {
          const copy = this.#copies.get(x);
          if (!copy) return x;
          return READ_WEIGHTS.includes(op.name) ? copy : (inner.apply(convert, [copy], { to: 'f32' })[0] as Tensor);
        }),
        attrs,
      );
    return {
      apply,
      upload: (data, shape) => inner.upload(data, shape),
      derived: (weight) => inner.derived(weight),
      release: (x) => inner.release(x),
      scope: (body) => inner.scope(body),
    };
  };

  dispose(): void {
    for (const copy of this.#copies.values()) this.#backend.free(copy);
  }
}
