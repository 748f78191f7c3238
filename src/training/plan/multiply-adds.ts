/** Multiplications and additions of a pass, counted by running the model on shapes alone. */
import { type Shape, size, type Tensor } from '../../base/tensor.ts';
import type { LanguageModel } from '../../models/model.ts';
import { noTaps } from '../../models/tap.ts';
import { type Apply, Ops, ShapeTracer } from '../../ops/index.ts';
import { TrainingBatch } from '../batch.ts';

/** Of a forward pass. Norms, activations and other work on single numbers are not counted: they are few. */
export interface MultiplyAdds {
  /** Products with weights, the head included. */
  readonly products: number;
  /** Products of queries with keys, and of probabilities with values. */
  readonly attention: number;
  /** Convolutions and recurrences of state spaces. */
  readonly scan: number;
}

type Counted = keyof MultiplyAdds;
type Count = (
  inputs: readonly Tensor[],
  attrs: { readonly starts?: readonly number[]; readonly count?: number },
) => number;

const shape = (inputs: readonly Tensor[], i: number): Shape => inputs[i]?.shape ?? [];
const axis = (inputs: readonly Tensor[], i: number, axis: number): number => shape(inputs, i)[axis] ?? 1;

/** Pairs of a query and a key that it sees, in all sequences. */
const pairs = (starts: readonly number[] = [0]): number =>
  starts.slice(1).reduce((sum, end, b) => {
    const length = end - (starts[b] as number);
    return sum + (length * (length + 1)) / 2;
  }, 0);

/** Each chosen expert: two matrices into, one out. inputs: x, ids, ..., wIn[X, 2F, M], wOut[X, M, F] */
const experts =
  (wIn: number): Count =>
  (inputs) =>
    size(shape(inputs, 1)) *
    (axis(inputs, wIn, 1) * axis(inputs, wIn, 2) + axis(inputs, wIn + 1, 1) * axis(inputs, wIn + 1, 2));

const linear: Count = (inputs, { count = 1 }) =>
  inputs.slice(1, 1 + count).reduce((sum, { shape }) => sum + axis(inputs, 0, 0) * size(shape), 0);

/** Decay, input and output of each state: exp(dt a) h + dt b x, and h c. */
const SCAN_PER_STATE = 4;

const COUNTS: Readonly<Record<string, readonly [Counted, Count]>> = {
  linear: ['products', linear],
  experts: ['products', experts(3)],
  expertOutputs: ['products', experts(2)],
  attention: [
    'attention',
    (inputs, { starts }) => pairs(starts) * axis(inputs, 0, 1) * (axis(inputs, 1, 2) + axis(inputs, 2, 2)),
  ],
  causalConv: ['scan', (inputs) => size(shape(inputs, 0)) * axis(inputs, 1, 1)],
  selectiveScan: ['scan', (inputs) => size(shape(inputs, 0)) * axis(inputs, 2, 1) * SCAN_PER_STATE],
};

/** Of a forward pass over sequences of these lengths; values that depend on a token alone are counted for each token. */
export function multiplyAddsOf(model: LanguageModel, lengths: readonly number[]): MultiplyAdds {
  const found: Record<Counted, number> = { products: 0, attention: 0, scan: 0 };
  const shapes = new ShapeTracer();
  const apply: Apply = (op, inputs, attrs) => {
    const [kind, count] = COUNTS[op.name] ?? [];
    if (kind && count) found[kind] += count(inputs, attrs as Parameters<Count>[1]);
    return shapes.apply(op, inputs, attrs);
  };
  const ops = new Ops({
    apply,
    derived: (weight) => shapes.derived(weight),
    upload: (data, shape) => shapes.upload(data, shape),
    release: (x) => shapes.release(x),
    scope: (body) => shapes.scope(body),
  });
  const { vocabSize } = model.facts;
  let next = 0;
  const batch = new TrainingBatch(lengths.map((length) => Int32Array.from({ length }, () => next++ % vocabSize)));
  model.logits(ops, model.forward({ ops, batch, show: noTaps }));
  return found;
}
