/** The memory of a training pass, found by running it on shapes alone, before any weight is read. */
import { NOWHERE, type Tensor } from '../base/tensor.ts';
import type { LanguageModel } from '../models/model.ts';
import { ShapeTracer } from '../ops/index.ts';
import { encodePass } from './pass.ts';

export interface PassSize {
  /** Tokens that each sequence of a pass reads. */
  readonly lengths: readonly number[];
  readonly recompute?: boolean | undefined;
}

/** Bytes of all values of one pass at their most: activations, gradients of activations, and uploads. `trained`: the trained weights. */
export function passBytes(model: LanguageModel, trained: Iterable<Tensor>, { lengths, recompute }: PassSize): number {
  const tracer = new ShapeTracer();
  const sums = new Map([...trained].map((weight) => [weight, { ...weight, place: NOWHERE }]));
  // As many different tokens as there can be.
  const { vocabSize } = model.facts;
  const sequences = lengths.map((length, b) => Int32Array.from({ length }, (_, i) => (b * length + i) % vocabSize));
  const targets = new Int32Array(lengths.reduce((sum, length) => sum + length, 0));
  encodePass({ model, tracer }, { sequences, targets }, { trained: sums, recompute, perTarget: 1, perRow: 1 });
  return tracer.peakBytes;
}
