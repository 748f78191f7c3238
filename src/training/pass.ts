/**
 * One forward and one backward pass over some sequences: losses, and gradients added to those of the trained tensors. The head and its loss
 * run for some rows at a time, forward and backward, so that logits [T, V] never exist as a whole.
 */
import { Tape } from '../autodiff/tape.ts';
import type { Backend } from '../backends/backend.ts';
import type { Tensor } from '../base/tensor.ts';
import type { LanguageModel } from '../models/model.ts';
import { noTaps, type Taps } from '../models/tap.ts';
import { Ops, type Tracer } from '../ops/index.ts';
import { TrainingBatch } from './batch.ts';
import type { DropoutPlace, PassPlace } from './dropout.ts';

/**
 * Most logits that are computed at a time: 32 MB. The gradient of the head is read and written once for each time: 1024 tokens with a head of 50264 x 256 take 2.7 s
 * with 2^22, 2.4 s with 2^23 and 2.3 s with 2^24, which is twice the memory (least of three, one thread, Zen 3, Node 24).
 */
const MAX_LOGITS = 1 << 23;

/** Sequences to train on, packed one after another. */
export interface Examples {
  /** Token ids of each sequence, which the model reads. */
  readonly sequences: readonly ArrayLike<number>[];
  /** The token that should follow each token of all sequences, [T]; -1 where there is no target. */
  readonly targets: Int32Array;
  /** Factor of each target's cross-entropy in the loss, [T], in place of `perTarget`. */
  readonly factors?: Float32Array | undefined;
}

export interface PassOptions {
  /** The trained tensors, each with the tensor to which its gradient is added. Without any, only losses are computed. */
  readonly trained: ReadonlyMap<Tensor, Tensor>;
  /** Factor of each target's cross-entropy in the loss, such as 1 / targets of the batch. */
  readonly perTarget: number;
  /** Factor of each row's squared logsumexp in the loss; 0 without z-loss. */
  readonly perRow: number;
  readonly recompute?: boolean | undefined;
  /** Of a training pass, where something is left out by chance. */
  readonly place?: PassPlace | undefined;
  /** Shown the values of the pass; what they return is differentiated as a part of it. Default: those of the parts. */
  readonly taps?: ((ops: Ops) => Taps) | undefined;
}

/** Sums over all rows, not multiplied by the factors of the loss. */
export interface PassLosses {
  readonly crossEntropy: number;
  /** Of logsumexp^2. */
  readonly squares: number;
}

export interface PassParts {
  readonly model: LanguageModel;
  readonly backend: Backend;
  readonly tracer: Tracer;
  /** Changes what the model computes, such as with an adapter; what it computes itself is differentiated too. */
  readonly adapt?: ((tracer: Tracer, place?: DropoutPlace) => Tracer) | undefined;
  /** Changes values of the model in a pass over some sequences; what they compute is differentiated too. */
  readonly taps?: ((ops: Ops, sequences: Examples['sequences']) => Taps) | undefined;
}

export async function passOver(parts: PassParts, examples: Examples, options: PassOptions): Promise<PassLosses> {
  const { backend } = parts;
  return backend.step(async () => summed((await backend.read(encodePass(parts, examples, options))) as Float32Array));
}

/** Encodes the pass within a running step; -> losses [T, 2] as of `crossEntropy`. */
export function encodePass(
  { model, tracer, adapt, taps: own }: Omit<PassParts, 'backend'>,
  { sequences, targets, factors }: Examples,
  { trained, perTarget, perRow, recompute, place, taps = own && ((ops) => own(ops, sequences)) }: PassOptions,
): Tensor {
  const tape = new Tape(tracer, { trained, recompute });
  const plain = new Ops(tracer);
  let part = 0;
  const opsOn = (inner: Tracer) => new Ops(adapt?.(inner, place && { ...place, part: part++ }) ?? inner);
  const ops = opsOn(tape);
  const hidden = model.forward({ ops, batch: new TrainingBatch(sequences), show: taps?.(ops) ?? noTaps });
  const { losses, dHidden } = encodeRows(tracer, {
    ...{ hidden, trained, vocabSize: model.facts.vocabSize, columns: 2 },
    lossesOf(from, to, x) {
      const some = plain.upload(targets.slice(from, to), [to - from]);
      return (inner) => {
        const ops = opsOn(inner);
        return ops.crossEntropy(model.logits(ops, x), some);
      };
    },
    factorsOf: (row) => [factors?.[row] ?? perTarget, perRow],
  });
  tape.backward([[hidden, dHidden]]);
  return losses;
}

interface RowLosses {
  /** [T, M] */
  readonly hidden: Tensor;
  readonly trained: ReadonlyMap<Tensor, Tensor>;
  readonly vocabSize: number;
  /** C, the losses of a row. */
  readonly columns: number;
  /** The losses [n, C] of rows x[n, M] of `hidden`, as they are computed on a tracer. */
  lossesOf(from: number, to: number, x: Tensor): (inner: Tracer) => Tensor;
  /** Factors of a row's losses in the whole loss, [C]. */
  factorsOf(row: number): readonly number[];
}

/** Losses [T, C] that are computed from logits, some rows at a time, and the gradient of `hidden`. Adds the gradients of trained weights of the head. */
export function encodeRows(
  tracer: Tracer,
  { hidden, trained, vocabSize, columns, lossesOf, factorsOf }: RowLosses,
): { readonly losses: Tensor; readonly dHidden: Tensor } {
  const plain = new Ops(tracer);
  const [t = 0] = hidden.shape;
  const losses = plain.zeros([t, columns]);
  const dHidden = plain.zeros(hidden.shape);
  const atOnce = Math.max(1, Math.floor(MAX_LOGITS / vocabSize));
  for (let from = 0; from < t; from += atOnce) {
    const to = Math.min(from + atOnce, t);
    const x = plain.rows(hidden, from, to);
    const compute = lossesOf(from, to, x);
    const sum = plain.rows(losses, from, to);
    if (trained.size === 0) {
      plain.accumulate(
        sum,
        plain.scope(() => compute(tracer)),
      );
      continue;
    }
    const head = new Tape(tracer, { trained: new Map(trained).set(x, plain.rows(dHidden, from, to)) });
    const each = compute(head);
    plain.accumulate(sum, each);
    const factors = Float32Array.from(Array.from({ length: to - from }, (_, i) => factorsOf(from + i)).flat());
    head.backward([[each, plain.upload(factors, [to - from, columns])]]);
  }
  return { losses, dHidden };
}

function summed(losses: Float32Array): PassLosses {
  let [crossEntropy, squares] = [0, 0];
  for (let i = 0; i < losses.length; i += 2) {
    crossEntropy += losses[i] as number;
    squares += losses[i + 1] as number;
  }
  return { crossEntropy, squares };
}
