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

/**
 * With `recompute` the values of a block come where those of others were, which had other sizes: between them stay gaps. Heaps grew to 1.18 to 1.21
 * times the values of a pass (a Mamba with 768 and 2048 tokens, a mixture and a Backpack with 768).
 */
const WITH_GAPS = 1.2;

/** Memory that a pass takes, given the bytes of its values. */
export const withGaps = (bytes: number, { recompute = false }: Pick<PassSize, 'recompute'>): number =>
  recompute ? Math.ceil(WITH_GAPS * bytes) : bytes;

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
