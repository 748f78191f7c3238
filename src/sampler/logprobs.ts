/** Logarithms of the model's own probabilities: logits minus the logarithm of the sum of their exponentials, in f64. */
import { unusableLogits } from '../base/errors.ts';
import { exp, log } from '../base/math.ts';
import { thresholdOf } from './select.ts';

/** The largest logit. Throws CheckpointError on NaN, on Infinity, and when every logit is -Infinity. */
export function maxLogit(logits: Float32Array): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const x = logits[id] as number;
    if (x > max) max = x;
    else if (Number.isNaN(x)) throw unusableLogits(`NaN for id ${id}`);
  }
  if (Number.isFinite(max)) return max;
  throw unusableLogits(
    max > 0 ? `Infinity for id ${logits.indexOf(max)}` : `no finite number for any of ${logits.length} ids`,
  );
}

/** Log-sum-exp of logits[V], shifted by the largest so that nothing overflows. Throws CheckpointError as maxLogit does. */
export function logSumExp(logits: Float32Array): number {
  const max = maxLogit(logits);
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += exp((logits[id] as number) - max);
  return max + log(sum);
}

/** logits[V] -> natural logarithms of probabilities [V]. Throws CheckpointError as maxLogit does. */
export function logSoftmax(logits: Float32Array): Float32Array {
  const total = logSumExp(logits);
  const logprobs = new Float32Array(logits.length);
  for (let id = 0; id < logits.length; id++) logprobs[id] = (logits[id] as number) - total; // map() is three times slower
  return logprobs;
}

/** The k most likely ids in descending order; equal ones by ascending id. Throws CheckpointError as maxLogit does. */
export function topLogprobs(logits: Float32Array, k: number): { readonly id: number; readonly logprob: number }[] {
  const count = Math.min(k, logits.length);
  if (count <= 0) return [];
  const total = logSumExp(logits);
  const { value, above } = thresholdOf(Float64Array.from(logits), count, 'count');
  const score = (id: number) => logits[id] as number;
  const ids: number[] = [];
  let equals = count - above;
  for (let id = 0; id < logits.length; id++) {
    if (score(id) > value || (score(id) === value && equals-- > 0)) ids.push(id);
  }
  ids.sort((a, b) => score(b) - score(a) || a - b);
  return ids.map((id) => ({ id, logprob: score(id) - total }));
}
