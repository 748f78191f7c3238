/**
 * Reverse-mode differentiation (Griewank & Walther, Evaluating Derivatives, §3): a tracer that records the ops on which the loss depends, and
 * runs their backward rules from the last to the first. What depends on no trained tensor is not recorded.
 *
 * With `recompute`, only the result of each scope (`ops.scope`) is kept, and the scope is run once more when its gradients are needed (arXiv
 * 1604.06174). The same ops run on the same numbers, so no bit changes.
 */
import { UsageError } from '../base/errors.ts';
import type { Place, Tensor } from '../base/tensor.ts';
import { type Apply, type Derived, type Op, Ops, type Tracer } from '../ops/index.ts';
import { Gradients } from './gradients.ts';

/** One recorded use of an op, or of a scope that is run again. */
interface Node {
  readonly outputs: readonly Tensor[];
  /** Runs the backward rule; undefined for views. */
  back(): void;
  /** Does its output have memory of its own? */
  readonly owns: boolean;
}

export interface TapeOptions {
  /** The trained tensors, each with the tensor to which its gradient is added in place. */
  readonly trained: ReadonlyMap<Tensor, Tensor>;
  /** Run scopes again instead of keeping what they compute; default false. */
  readonly recompute?: boolean | undefined;
}

export class Tape implements Tracer {
  readonly #inner: Tracer;
  readonly #recompute: boolean;
  /** Without anything to train, nothing is kept. */
  readonly #trains: boolean;
  readonly #gradients: Gradients;
  /** Tensors of this pass that depend on a trained tensor. */
  readonly #dependent = new WeakSet<Tensor>();
  readonly #ops: Ops;
  #nodes: Node[] = [];
  /** Are ops recorded? They are not in the first run of a scope. */
  #recording = true;
  /** While a scope is run again, what it computes that depends on nothing trained; the scopes inside of it are recorded as a part of it. */
  #again: Tensor[] | undefined;
  /** Memory of the recorded values. */
  readonly #held = new Set<Place>();

  constructor(inner: Tracer, { trained, recompute = false }: TapeOptions) {
    this.#inner = inner;
    this.#recompute = recompute;
    this.#trains = trained.size > 0;
    this.#gradients = new Gradients(inner, trained);
    this.#ops = new Ops(this);
  }

  /** The ops whose use is recorded. */
  get ops(): Ops {
    return this.#ops;
  }

  readonly apply: Apply = (op, inputs, attrs) => {
    if (!inputs.some((x) => this.#depends(x))) {
      const outputs = this.#inner.apply(op, inputs, attrs);
      if (!op.view) this.#again?.push(...outputs);
      return outputs;
    }
    if (!op.gradient) {
      if (op.compose) return op.compose(this.#ops, inputs, attrs);
      throw new UsageError(
        `there is no gradient for '${op.name}': it cannot stand between the loss and what is trained. Train without what needs it.`,
      );
    }
    const outputs = this.#inner.apply(op, inputs, attrs);
    for (const y of outputs) if (y.dtype !== 'i32') this.#dependent.add(y);
    if (this.#recording) this.#push(this.#nodeOf(op, inputs, outputs, attrs));
    return outputs;
  };

  upload(data: Parameters<Tracer['upload']>[0], shape: Parameters<Tracer['upload']>[1]): Tensor {
    return this.#inner.upload(data, shape);
  }

  /** Computed again from its weights, which change between passes. */
  derived({ compute }: Derived): Tensor {
    return compute(this.#ops);
  }

  release(x: Tensor): void {
    this.#inner.release(x);
  }

  scope(body: () => Tensor): Tensor {
    if (!this.#recording || !this.#trains) return this.#inner.scope(body);
    if (!this.#recompute || this.#again) return body();
    this.#recording = false;
    let result: Tensor;
    try {
      result = this.#inner.scope(body);
    } finally {
      this.#recording = true;
    }
    if (this.#depends(result)) {
      const owns = !this.#held.has(result.place);
      this.#push({ outputs: [result], owns, back: () => this.#runAgain(body, result) });
    }
    return result;
  }

  /** Adds the gradients of the trained tensors, given those of some outputs. To be called once. */
  backward(seeds: readonly (readonly [output: Tensor, gradient: Tensor])[]): void {
    for (const [output, gradient] of seeds) this.#gradients.give(output, gradient);
    this.#walk();
    this.#gradients.finish();
  }

  #depends(x: Tensor): boolean {
    return this.#dependent.has(x) || this.#gradients.isTrained(x);
  }

  #nodeOf<Attrs>(op: Op<Attrs>, inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: Attrs): Node {
    const back = () =>
      this.#gradients.rule(({ ops, apply }) =>
        op.gradient?.({
          ops,
          apply,
          inputs,
          outputs,
          attrs,
          gradients: outputs.map((y) => this.#gradients.of(y)),
          wants: (i) => this.#depends(inputs[i] as Tensor),
          give: (i, gradient) => this.#gradients.give(inputs[i] as Tensor, gradient),
          sumOf: (i) => this.#gradients.sumOf(inputs[i] as Tensor),
        }),
      );
    return { outputs, back, owns: !op.view };
  }

  #push(node: Node): void {
    this.#nodes.push(node);
    if (node.owns) for (const { place } of node.outputs) this.#held.add(place);
  }

  /** From the last node to the first. The memory of a node's outputs is free once its rule has run. */
  #walk(): void {
    for (let node = this.#nodes.pop(); node; node = this.#nodes.pop()) {
      if (node.outputs.some((y) => this.#gradients.of(y))) node.back();
      for (const y of node.outputs) {
        this.#gradients.drop(y);
        if (!node.owns) continue;
        this.#held.delete(y.place);
        this.#gradients.release(y);
      }
    }
  }

  #runAgain(body: () => Tensor, result: Tensor): void {
    const gradient = this.#gradients.of(result) as Tensor;
    const before = this.#nodes;
    this.#nodes = [];
    this.#again = [];
    try {
      this.#gradients.give(body(), gradient);
      this.#walk();
      for (const x of this.#again) this.#gradients.release(x);
    } finally {
      this.#again = undefined;
      this.#nodes = before;
    }
  }
}
