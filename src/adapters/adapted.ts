/**
 * LoRA (arXiv 2106.09685) as a tracer: where an op multiplies by an adapted weight w, the result is y + scale B (A x). Models, and the format
 * of w, are untouched; A and B are ordinary tensors, so that a tape inside of this tracer finds their gradients.
 */
import { UsageError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { expertOutputs } from '../ops/expert-outputs.ts';
import { experts } from '../ops/experts.ts';
import { type Activation, type Apply, Ops, type Tracer } from '../ops/index.ts';
import { linear } from '../ops/linear.ts';
import { linearTernary } from '../ops/linear-ternary.ts';
import { quantizeRows } from '../ops/quantize-rows.ts';
import { rmsNorm } from '../ops/rms-norm.ts';
import type { Target } from './target.ts';

/** The change of one linear map, in memory. */
export interface LowRank {
  readonly target: Target;
  readonly rank: number;
  readonly scale: number;
  /** [r, J], of experts [X, r, J]. */
  readonly a: Tensor;
  /** [N, r], of experts [X, N, r]. */
  readonly b: Tensor;
}

/** A weight in the place of another. */
export interface Replaced {
  readonly target: Target;
  /** [N, J] */
  readonly weight: Tensor;
}

export interface Changes {
  readonly changes: readonly LowRank[];
  readonly replaced: readonly Replaced[];
  /** Gains of norms on the input of one linear map, which the map of the adapter reads before the norm. */
  readonly innerNorms: ReadonlySet<Tensor>;
}

/** The change of one live tensor: rows of B from `firstRow` on. */
interface Part extends LowRank {
  readonly firstRow: number;
  readonly rows: number;
}

/** Changes the input x of a linear map before its adapter reads it, in training. */
export type OnInput = (ops: Ops, x: Tensor, target: Target) => Tensor;

export function adapted(inner: Tracer, { changes, replaced, innerNorms }: Changes, onInput?: OnInput): Tracer {
  const parts = new Map<Tensor, Part>();
  for (const change of changes)
    for (const { weight, firstRow } of change.target.parts)
      parts.set(weight, { ...change, firstRow, rows: weight.shape.at(-2) as number });
  const instead = new Map(replaced.flatMap(({ target, weight }) => target.parts.map((part) => [part.weight, weight])));
  /** What a rounded or normed tensor was made of, so that linear maps on it can read the original. */
  const madeOf = new WeakMap<Tensor, Tensor>();
  const ops = new Ops(inner);

  const added = (outputs: Tensor[], ws: readonly Tensor[], x: () => Tensor): Tensor[] => {
    const used = outputs.map((_, i) => parts.get(ws[i] as Tensor));
    const as = [...new Set(used.flatMap((part) => (part ? [part.a] : [])))];
    if (as.length === 0) return outputs;
    const targetOf = (a: Tensor) => (used.find((part) => part?.a === a) as Part).target;
    const projected = onInput ? as.map((a) => ops.linear(onInput(ops, x(), targetOf(a)), a)) : ops.linears(x(), as); // each [T, r]
    return outputs.map((y, i) => {
      const part = used[i];
      if (!part) return y;
      const { b, firstRow, rows, scale } = part;
      const own = rows === b.shape[0] ? b : ops.rows(b, firstRow, firstRow + rows);
      return ops.add(y, ops.linear(projected[as.indexOf(part.a)] as Tensor, own), scale);
    });
  };

  /** One map of the chosen experts: x[T, J], ids[T, A] -> [T A, rows] */
  const expertMap = (x: Tensor, ids: Tensor, w: Tensor, from: number, to: number): Tensor => {
    const y = ops.expertLinear(x, ids, w, { from, to });
    const part = parts.get(w);
    if (!part) return y;
    const slots = ops.reshape(ids, [y.shape[0] as number, 1]);
    return ops.add(y, ops.expertLinear(ops.expertLinear(x, ids, part.a), slots, part.b, { from, to }), part.scale);
  };

  const outputsOfExperts = (x: Tensor, ids: Tensor, wIn: Tensor, wOut: Tensor, activation: Activation): Tensor => {
    const [, m = 0, inside = 0] = wOut.shape;
    const [t = 0, active = 0] = ids.shape;
    const gate = expertMap(x, ids, wIn, 0, inside);
    const hidden = ops.gate(gate, expertMap(x, ids, wIn, inside, 2 * inside), activation); // [T A, F]
    return ops.reshape(expertMap(hidden, ops.reshape(ids, [t * active, 1]), wOut, 0, m), [t, active, m]);
  };

  const apply: Apply = (op, inputs, attrs) => {
    const is = (other: { readonly name: string }) => op.name === other.name;
    if (is(linear)) {
      const [x, ...given] = inputs as [Tensor, ...Tensor[]];
      const { count } = attrs as { readonly count: number };
      const ws = given.slice(0, count);
      const outputs = ws.some((w) => instead.has(w))
        ? ws.map((w, i) => ops.linear(x, instead.get(w) ?? w, given[count + i]))
        : inner.apply(op, inputs, attrs);
      return added(outputs, ws, () => x);
    }
    if (is(experts) && inputs.some((x) => parts.has(x))) {
      const [x, ids, gates, wIn, wOut] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
      return [
        ops.sumSlots(outputsOfExperts(x, ids, wIn, wOut, (attrs as { activation: Activation }).activation), gates),
      ];
    }
    if (is(expertOutputs) && inputs.some((x) => parts.has(x))) {
      const [x, ids, wIn, wOut] = inputs as [Tensor, Tensor, Tensor, Tensor];
      return [outputsOfExperts(x, ids, wIn, wOut, (attrs as { activation: Activation }).activation)];
    }
    const outputs = inner.apply(op, inputs, attrs);
    if (is(linearTernary)) {
      const [q, s, ...ws] = inputs as [Tensor, Tensor, ...Tensor[]];
      return added(outputs, ws, () => original(q, s));
    }
    const [x, gain] = inputs;
    if (is(quantizeRows) || (is(rmsNorm) && innerNorms.has(gain as Tensor)))
      for (const y of outputs) madeOf.set(y, madeOf.get(x as Tensor) ?? (x as Tensor));
    return outputs;
  };

  const original = (q: Tensor, s: Tensor): Tensor => {
    const x = madeOf.get(q) ?? madeOf.get(s);
    if (x) return x;
    throw new UsageError(
      'an intervention replaces the rounded input of a ternary layer, and the adapter needs that input before it was rounded: change the site before it.',
    );
  };

  return {
    apply,
    upload: (data, shape) => inner.upload(data, shape),
    derived: (weight) => inner.derived(weight),
    release: (x) => inner.release(x),
    scope: (body) => inner.scope(body),
  };
}
