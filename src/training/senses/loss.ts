/**
 * The loss of sense fine-tuning (arXiv 2402.06155; utils.py and regularize.py of its authors): the mean over examples of the mean cross-entropy of a
 * suffix, with the sign that the loss asks for, plus a factor times the divergence of the changed model from the original one, summed over the
 * tokens of a background text and averaged over texts.
 */
import { Tape } from '../../autodiff/tape.ts';
import type { Tensor } from '../../base/tensor.ts';
import { noTaps } from '../../models/tap.ts';
import { Ops, type Tracer } from '../../ops/index.ts';
import { TrainingBatch } from '../batch.ts';
import { type Examples, encodePass, encodeRows, type PassParts } from '../pass.ts';
import type { EncodedExample } from './encode.ts';
import type { SenseOptions } from './options.ts';

export interface SensePass {
  /** The trained tensors, each with the tensor to which its gradient is added. */
  readonly trained: ReadonlyMap<Tensor, Tensor>;
  readonly recompute?: boolean | undefined;
}

/** The sum over examples, each of which has the factor `by` in the loss. */
export async function examplesLoss(
  parts: PassParts,
  examples: readonly EncodedExample[],
  { loss, by, ...pass }: SensePass & { readonly loss: SenseOptions['loss']; readonly by: number },
): Promise<number> {
  const signs =
    loss === 'balance'
      ? (await suffixLosses(parts, examples, { ...pass, trained: new Map() })).map(([a, b = 0]) => Math.sign(a - b))
      : examples.map(() => (loss === 'bad' ? -1 : 1));
  const losses = await suffixLosses(
    parts,
    examples,
    pass,
    (i, second) => (second ? -1 : 1) * (signs[i] as number) * by,
  );
  return losses.reduce((sum, [a, b = 0], i) => sum + (signs[i] as number) * (a - b), 0);
}

type SuffixLosses = readonly [first: number, second?: number];

/** Mean cross-entropy of each suffix. `factor`: of the suffix of an example in the loss. */
async function suffixLosses(
  parts: PassParts,
  examples: readonly EncodedExample[],
  { trained, recompute }: SensePass,
  factor: (example: number, isSecond: boolean) => number = () => 0,
): Promise<SuffixLosses[]> {
  const all = examples.flatMap((example, i) => example.map((one, side) => ({ one, factor: factor(i, side === 1) })));
  const given: Examples = {
    sequences: all.map(({ one }) => one.ids),
    targets: Int32Array.from(all.flatMap(({ one }) => one.targets)),
    factors: Float32Array.from(all.flatMap(({ one, factor }) => one.targets.map(() => factor / one.count))),
  };
  const { backend } = parts;
  const options = { trained, recompute, perTarget: 0, perRow: 0 };
  const rows = await backend.step(
    async () => (await backend.read(encodePass(parts, given, options))) as Float32Array, // [T, 2]
  );
  let row = 0;
  const mean = ({ targets, count }: EncodedExample[0]): number => {
    let sum = 0;
    for (let i = 0; i < targets.length; i++) sum += rows[2 * row++] as number;
    return sum / count;
  };
  return examples.map((example) => example.map(mean) as unknown as SuffixLosses);
}

/** The sum of the divergences of all tokens of these texts, whose factor in the loss is `by`. */
export async function divergenceLoss(
  parts: PassParts,
  sequences: Examples['sequences'],
  options: SensePass & { readonly by: number },
): Promise<number> {
  const { backend } = parts;
  const rows = await backend.step(
    async () => (await backend.read(encodeDivergence(parts, sequences, options))) as Float32Array,
  );
  return rows.reduce((sum, one) => sum + one, 0);
}

/** Encodes the pass within a running step; -> divergences [T, 1]. Both models read the texts; logits exist for some rows at a time. */
export function encodeDivergence(
  { model, tracer, taps }: Pick<PassParts, 'model' | 'tracer' | 'taps'>,
  sequences: Examples['sequences'],
  { trained, recompute, by }: SensePass & { readonly by: number },
): Tensor {
  const plain = new Ops(tracer);
  const tape = new Tape(tracer, { trained, recompute });
  const forward = (inner: Tracer, show = noTaps) =>
    model.forward({ ops: new Ops(inner), batch: new TrainingBatch(sequences), show });
  const original = plain.scope(() => forward(tracer)); // [T, M]
  const hidden = forward(tape, taps?.(tape.ops, sequences));
  const { losses, dHidden } = encodeRows(tracer, {
    ...{ hidden, trained, vocabSize: model.facts.vocabSize, columns: 1 },
    lossesOf(from, to, x) {
      const before = plain.rows(original, from, to);
      return (inner) => {
        const ops = new Ops(inner);
        const wanted = plain.scope(() => model.logits(plain, before));
        return ops.reshape(ops.divergence(wanted, model.logits(ops, x)), [to - from, 1]);
      };
    },
    factorsOf: () => [by],
  });
  tape.backward([[hidden, dHidden]]);
  return losses;
}
