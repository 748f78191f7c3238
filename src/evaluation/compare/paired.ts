/** Do two models differ on the same documents? Statistics of paired values. */
import { exp, log } from '../../base/math.ts';
import { Random } from '../../sampler/random.ts';

export interface BootstrapOptions {
  readonly resamples?: number;
  readonly seed?: number;
}

export interface Bootstrap {
  /** Mean of the differences. */
  readonly difference: number;
  /** Between these are 95 of 100 means of resampled documents. */
  readonly interval: readonly [number, number];
  /** Two-sided: how likely a mean at least as far from 0 is, if there is no difference. At least 2 / resamples, and 1 at most. */
  readonly p: number;
}

/** Draws as many documents as there are, with repetition, again and again (Efron's percentile bootstrap). */
export function bootstrap(
  differences: readonly number[],
  { resamples = 10_000, seed = 0 }: BootstrapOptions = {},
): Bootstrap {
  const count = differences.length;
  const difference = differences.reduce((sum, x) => sum + x, 0) / count;
  const random = Random.fromSeed(seed);
  const means = Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += differences[Math.floor((random.word() / 2 ** 32) * count)] as number;
    return sum / count;
  }).sort();
  const at = (share: number) => means[Math.min(resamples - 1, Math.floor(share * resamples))] as number;
  const below = means.filter((mean) => mean <= 0).length;
  const above = means.filter((mean) => mean >= 0).length;
  const p = Math.min(1, Math.max(2 / resamples, (2 * Math.min(below, above)) / resamples));
  return { difference, interval: [at(0.025), at(0.975)], p };
}

/**
 * McNemar's test, exact and two-sided: of the documents on which only one of two models is right, each is as likely to be the one's as the
 * other's if they are equally good.
 */
export function mcNemar(onlyFirst: number, onlySecond: number): number {
  const count = onlyFirst + onlySecond;
  let logTerm = -count * log(2); // log of count over k, divided by 2^count
  let sum = 0;
  for (let k = 0; k <= Math.min(onlyFirst, onlySecond); k++) {
    sum += exp(logTerm);
    logTerm += log(count - k) - log(k + 1);
  }
  return Math.min(1, 2 * sum);
}
