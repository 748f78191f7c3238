/**
 * Which senses of which words examples select (arXiv 2402.06155; importance.py of its authors, per example, by sense weights). With alpha[l, t, j]
 * the weight of sense l of the word at j for the prediction made at t: importance(v, l) = the sum of alpha[l, t, j] over the t that predict the
 * suffix and the j where v stands, minus `background` times the mean over other texts of the same sum over all t. Of two suffixes, `balance` adds
 * both sums and `goodAgainstBad` subtracts the second. The `count` most important senses with a sum above 0 are selected, of each example.
 */
import { UsageError } from '../../base/errors.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { LanguageModel } from '../../models/model.ts';
import { noTaps, type Taps } from '../../models/tap.ts';
import { Ops } from '../../ops/index.ts';
import { TrainingBatch } from '../batch.ts';
import type { PassParts } from '../pass.ts';
import type { EncodedExample } from './encode.ts';
import type { SenseOptions } from './options.ts';
import { SENSE_WEIGHTS } from './sites.ts';

export interface SelectedSense {
  readonly token: number;
  readonly sense: number;
}

/** A sum for each sense of each token, [V, Z]. */
type Sums = Float64Array;

/** In the order of tokens and senses. `background`: texts as token ids. Throws UsageError when nothing is selected. */
export async function selectSenses(
  parts: Pick<PassParts, 'model' | 'backend' | 'tracer'>,
  examples: readonly EncodedExample[],
  background: readonly ArrayLike<number>[],
  { count, loss, background: factor }: Pick<SenseOptions, 'count' | 'loss' | 'background'>,
): Promise<SelectedSense[]> {
  const z = sensesIn(parts.model);
  const sumsFor = () => new Float64Array(parts.model.facts.vocabSize * z);
  const mean = sumsFor();
  for (const ids of background) await addWeights(parts, ids, () => 1 / background.length, mean);
  const selected = new Set<number>();
  for (const [first, second] of examples) {
    const sums = sumsFor();
    const within =
      ({ targets }: (typeof examples)[number][0], by: number) =>
      (t: number) =>
        targets[t] === -1 ? 0 : by;
    await addWeights(parts, first.ids, within(first, 1), sums);
    if (second) await addWeights(parts, second.ids, within(second, loss === 'balance' ? 1 : -1), sums);
    const importance = (key: number) => (sums[key] as number) - factor * (mean[key] as number);
    const above = [...sums.keys()].filter((key) => (sums[key] as number) > 0);
    above.sort((a, b) => importance(b) - importance(a) || a - b);
    for (const key of above.slice(0, count)) selected.add(key);
  }
  if (selected.size === 0) throw new UsageError('the examples select no senses: their suffixes weigh them all alike.');
  return [...selected].sort((a, b) => a - b).map((key) => ({ token: Math.floor(key / z), sense: key % z }));
}

const sensesIn = ({ senses }: LanguageModel): number => senses?.count as number;

/** Adds factor(t) alpha[l, t, j] to the sums of the tokens at j. */
async function addWeights(
  { model, backend, tracer }: Pick<PassParts, 'model' | 'backend' | 'tracer'>,
  ids: ArrayLike<number>,
  factor: (t: number) => number,
  sums: Sums,
): Promise<void> {
  const z = sensesIn(model);
  let seen: Tensor | undefined;
  const see = (pattern: Tensor): Tensor => {
    seen = pattern;
    return pattern;
  };
  const each: Taps['each'] = ({ name }) => (name === SENSE_WEIGHTS ? [see] : undefined);
  const show: Taps = Object.assign((_: unknown, x: Tensor) => x, { ...noTaps, each });
  const weights = await backend.step(async () => {
    model.forward({ ops: new Ops(tracer), batch: new TrainingBatch([ids]), show });
    return (await backend.read(seen as Tensor)) as Float32Array; // [Z, T, S]
  });
  const t = ids.length;
  for (let l = 0; l < z; l++)
    for (let row = 0; row < t; row++) {
      const by = factor(row);
      if (by === 0) continue;
      for (let j = 0; j <= row; j++) {
        const key = (ids[j] as number) * z + l;
        sums[key] = (sums[key] as number) + by * (weights[(l * t + row) * t + j] as number);
      }
    }
}
