/** From a checked configuration and a loaded model to a trainer of its senses. */

import type { Backend } from '../../backends/backend.ts';
import { UsageError } from '../../base/errors.ts';
import { permutation } from '../../data/permutation.ts';
import type { OpenedModel } from '../../loader/open.ts';
import type { Tracer } from '../../ops/index.ts';
import type { TrainingConfig } from '../config.ts';
import type { PassParts } from '../pass.ts';
import type { Rows } from '../places.ts';
import type { Objective } from '../trainer.ts';
import { SenseChanges } from './changes.ts';
import { type EncodedExample, encodeExamples } from './encode.ts';
import { divergenceLoss, examplesLoss } from './loss.ts';
import { type SenseOptions, stepsPerEpoch } from './options.ts';
import { selectSenses } from './selection.ts';
import { checkSenses } from './sites.ts';

/** Throws UsageError when a model or a configuration does not suit. Returns the examples. */
export function checkSenseTraining(opened: OpenedModel, config: TrainingConfig): EncodedExample[] {
  checkSenses(opened.model);
  const { stages, zLoss, balance, lambda, freeze } = config;
  const unfit = Object.entries({ stages, zLoss: zLoss || undefined, balance, lambda, freeze: freeze[0] });
  const [name] = unfit.find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) throw new UsageError(`'${name}' does not go with "train": "senses": leave it out.`);
  return encodeExamples(opened, sensesOf(config));
}

export const sensesOf = ({ senses }: TrainingConfig): SenseOptions => senses as SenseOptions;

interface Parts {
  readonly opened: OpenedModel;
  readonly backend: Backend;
  readonly tracer: Tracer;
}

/** Selects senses, which reads the examples and some rows, and allocates what is trained. */
export async function senseChanges(
  { opened, backend, tracer }: Parts,
  config: TrainingConfig,
  rows: Rows & { readonly count: number },
): Promise<SenseChanges> {
  const senses = sensesOf(config);
  const count = Math.min(senses.backgroundRows, rows.count);
  const background = await Promise.all(Array.from({ length: count }, (_, place) => textAt(rows, place)));
  const parts = { model: opened.model, backend, tracer };
  const selected = await selectSenses(parts, checkSenseTraining(opened, config), background, senses);
  return new SenseChanges(opened.model, backend, selected);
}

/** What a model reads of a row: all but its last id. */
async function textAt(rows: Rows, place: number): Promise<number[]> {
  const { ids } = await rows.row(place);
  return Array.prototype.slice.call(ids, 0, ids.length - 1) as number[];
}

/** The loss of each step. Examples are read in another order in each epoch, and as many rows of the data beside them. */
export function senseObjective(
  parts: PassParts,
  config: TrainingConfig,
  examples: readonly EncodedExample[],
  rows: Rows,
): Objective {
  const { batch, accumulate, seed, recompute } = config;
  const senses = sensesOf(config);
  const perStep = batch * accumulate;
  const perEpoch = stepsPerEpoch(senses, config);
  const order = (epoch: number) =>
    'ids' in config.data ? (place: number) => place : permutation(examples.length, seed, epoch);
  return async (step, trained) => {
    const epoch = Math.floor(step / perEpoch);
    const first = (step % perEpoch) * perStep;
    const count = Math.min(perStep, examples.length - first);
    const from = epoch * examples.length + first; // rows that earlier steps have read
    const at = order(epoch);
    let [ofExamples, divergence, tokens] = [0, 0, 0];
    for (let done = 0; done < count; done += batch) {
      const places = Array.from({ length: Math.min(batch, count - done) }, (_, i) => done + i);
      const some = places.map((place) => examples[at(first + place)] as EncodedExample);
      const texts = await Promise.all(places.map((place) => textAt(rows, from + place)));
      tokens += [...some.flat().map(({ ids }) => ids), ...texts].reduce((sum, { length }) => sum + length, 0);
      const pass = { trained, recompute };
      ofExamples += (await examplesLoss(parts, some, { ...pass, loss: senses.loss, by: 1 / count })) / count;
      if (senses.divergence > 0)
        divergence += (await divergenceLoss(parts, texts, { ...pass, by: senses.divergence / count })) / count;
    }
    return { loss: ofExamples + senses.divergence * divergence, crossEntropy: ofExamples, divergence, tokens };
  };
}
