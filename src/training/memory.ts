/** The memory of a training pass, found by running it on shapes alone, before any weight is read. */
import { NOWHERE, type Tensor } from '../base/tensor.ts';
import type { LanguageModel } from '../models/model.ts';
import { type Ops, ShapeTracer } from '../ops/index.ts';
import { encodePass } from './pass.ts';
import { senseTaps } from './senses/changes.ts';
import { encodeDivergence } from './senses/loss.ts';

export interface PassSize {
  /** Tokens that each sequence of a pass reads. */
  readonly lengths: readonly number[];
  readonly recompute?: boolean | undefined;
}

/** Bytes of all values of one pass at their most: activations, gradients of activations, and uploads. `trained`: the trained weights. */
export function passBytes(model: LanguageModel, trained: Iterable<Tensor>, { lengths, recompute }: PassSize): number {
  const tracer = new ShapeTracer();
  const sums = new Map([...trained].map((weight) => [weight, { ...weight, place: NOWHERE }]));
  const sequences = differentTokens(model, lengths);
  const targets = new Int32Array(lengths.reduce((sum, length) => sum + length, 0));
  encodePass({ model, tracer }, { sequences, targets }, { trained: sums, recompute, perTarget: 1, perRow: 1 });
  return tracer.peakBytes;
}

/** The same of sense fine-tuning, for the pass that needs most: that over background texts. `changes`: vectors that are trained. */
export function sensePassBytes(model: LanguageModel, changes: number, { lengths, recompute }: PassSize): number {
  const tracer = new ShapeTracer();
  const added: Tensor = { shape: [changes, model.facts.dModel], dtype: 'f32', place: NOWHERE, offset: 0 };
  const z = model.senses?.count as number;
  const selected = Array.from({ length: changes }, (_, n) => ({ token: Math.floor(n / z), sense: n % z }));
  const parts = {
    ...{ model, tracer },
    taps: (ops: Ops, sequences: readonly ArrayLike<number>[]) => senseTaps(ops, sequences, { selected, z, added }),
  };
  const sums = new Map([[added, { ...added, place: {} }]]);
  encodeDivergence(parts, differentTokens(model, lengths), { trained: sums, recompute, by: 1 });
  return tracer.peakBytes;
}

/** As many different tokens as there can be. */
const differentTokens = ({ facts: { vocabSize } }: LanguageModel, lengths: readonly number[]): Int32Array[] =>
  lengths.map((length, b) => Int32Array.from({ length }, (_, i) => (b * length + i) % vocabSize));
