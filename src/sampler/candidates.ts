/**
 * The tokens that may be sampled next, with weights in proportion to their probabilities. Its arrays for V tokens are reused in every step.
 */
import { exp, log } from '../base/math.ts';
import { thresholdOf } from './select.ts';

export class Candidates {
  #length = 0;
  /** Ids of the candidates, ascending. */
  readonly #ids: Uint32Array;
  readonly #weights: Float64Array;
  readonly #numbers: Float64Array;

  constructor(vocabSize: number) {
    this.#ids = new Uint32Array(vocabSize);
    this.#weights = new Float64Array(vocabSize);
    this.#numbers = new Float64Array(vocabSize);
  }

  /**
   * Starts with the `topK` largest of scores[V] and those equal to the last of them; 0 takes all. `max`, the largest score, gets weight 1.
   */
  take(scores: Float32Array, max: number, temperature: number, topK: number): void {
    let floor = Number.NEGATIVE_INFINITY;
    if (topK > 0 && topK < scores.length) {
      this.#numbers.set(scores);
      floor = thresholdOf(this.#numbers, topK, 'count').value;
    }
    this.#length = 0;
    for (let id = 0; id < scores.length; id++) {
      const score = scores[id] as number;
      if (score < floor) continue;
      this.#ids[this.#length] = id;
      this.#weights[this.#length++] = exp((score - max) / temperature);
    }
  }

  /** Nucleus sampling (arXiv 1904.09751): keeps the largest weights until their share of the sum reaches `topP`, at least one. */
  keepNucleus(topP: number): void {
    const numbers = this.#numbers.subarray(0, this.#length);
    numbers.set(this.#weights.subarray(0, this.#length));
    const target = topP * this.#total;
    const { value, above } = thresholdOf(numbers, target, 'sum');
    // Among equal weights, the lower ids are kept; in the reference this depends on torch's sort.
    this.#keep(value, Math.max(1, Math.ceil((target - above) / value)));
  }

  /** Keeps weights of at least `minP` times the largest. */
  keepFrom(minP: number): void {
    this.#keep(minP, Number.POSITIVE_INFINITY);
  }

  /**
   * Locally typical sampling (arXiv 2202.00666): keeps the tokens whose information is nearest to the entropy, until their probabilities
   * reach `mass`.
   */
  keepTypical(mass: number): void {
    const total = this.#total;
    const { entropy } = this;
    const information = (i: number) => -log((this.#weights[i] as number) / total);
    const distances = Float64Array.from({ length: this.#length }, (_, i) => Math.abs(information(i) - entropy));
    const order = [...distances.keys()].sort((a, b) => (distances[a] as number) - (distances[b] as number) || a - b);
    let sum = 0;
    let last = 0;
    for (const i of order) {
      last = distances[i] as number;
      sum += (this.#weights[i] as number) / total;
      if (sum >= mass) break;
    }
    this.#filter((_, i) => (distances[i] as number) <= last);
  }

  /** Keeps tokens with at least this probability, and the most likely one (arXiv 2210.15191). */
  keepLikely(probability: number): void {
    const total = this.#total;
    let heaviest = 0;
    for (let i = 0; i < this.#length; i++) heaviest = Math.max(heaviest, this.#weights[i] as number);
    const least = Math.min(probability * total, heaviest);
    this.#filter((weight) => weight >= least);
  }

  /** Entropy of the distribution, in nats. */
  get entropy(): number {
    const total = this.#total;
    let sum = 0;
    for (let i = 0; i < this.#length; i++) {
      const p = (this.#weights[i] as number) / total;
      if (p > 0) sum -= p * log(p); // 0 log 0 is 0
    }
    return sum;
  }

  /** Samples by inverse transform: the id in whose interval of the cumulative weights, in the order of ids, `uniform` in [0, 1) falls. */
  pick(uniform: number): number {
    const wanted = uniform * this.#total;
    let sum = 0;
    let last = 0;
    for (let i = 0; i < this.#length; i++) {
      const weight = this.#weights[i] as number;
      if (weight === 0) continue;
      sum += weight;
      last = i;
      if (wanted < sum) break;
    }
    return this.#ids[last] as number;
  }

  /** Writes the probabilities into out[V], which must be zero. */
  spread(out: Float32Array): void {
    const total = this.#total;
    for (let i = 0; i < this.#length; i++) out[this.#ids[i] as number] = (this.#weights[i] as number) / total;
  }

  get #total(): number {
    let sum = 0;
    for (let i = 0; i < this.#length; i++) sum += this.#weights[i] as number;
    return sum;
  }

  /** Keeps weights above `least`, and the first `equals` of those equal to it. */
  #keep(least: number, equals: number): void {
    let left = equals;
    this.#filter((weight) => weight > least || (weight === least && left-- > 0));
  }

  #filter(stays: (weight: number, i: number) => boolean): void {
    let length = 0;
    for (let i = 0; i < this.#length; i++) {
      const weight = this.#weights[i] as number;
      if (!stays(weight, i)) continue;
      this.#ids[length] = this.#ids[i] as number;
      this.#weights[length++] = weight;
    }
    this.#length = length;
  }
}
