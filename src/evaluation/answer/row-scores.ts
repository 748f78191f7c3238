/** Log-probabilities of ids after one position: as f32 logits give them, or as a softmax in bf16 does. */
import { unusableLogits } from '../../base/errors.ts';
import { exp, log } from '../../base/math.ts';
import { Summaries, type SummaryRequest } from '../../runtime/summaries.ts';

export interface TokenScore {
  /** In nats. */
  readonly logProbability: number;
  /** Is no other token more likely? Of equally likely ones, the first counts. */
  readonly isBest: boolean;
}

/** The ids that are asked for after some positions, in ascending order of these. */
export interface Questions {
  readonly positions: readonly number[];
  /** Of each position. */
  readonly targets: readonly (readonly number[])[];
}

/** What a request for these answers gives. Throws CheckpointError where logits are NaN or infinite. */
export interface Scores {
  of(position: number, target: number): TokenScore;
}

/** What the engine is asked for. Rows have equally many targets; those that have fewer repeat their first one. */
export function summaryRequest({ targets }: Questions): SummaryRequest {
  const perRow = powerOf4From(targets.reduce((most, { length }) => Math.max(most, length), 1));
  const padded = targets.flatMap((some) => Array.from({ length: perRow }, (_, i) => (some[i] ?? some[0]) as number));
  return { top: 1, targets: padded, perRow };
}

/** Few different sizes, so that many requests can be computed together. */
function powerOf4From(count: number): number {
  let power = 1;
  while (power < count) power *= 4;
  return power;
}

export class F32Scores implements Scores {
  readonly #questions: Questions;
  readonly #summaries: Summaries;
  readonly #rows: ReadonlyMap<number, number>;

  constructor(questions: Questions, output: Float32Array, request: SummaryRequest) {
    this.#questions = questions;
    this.#summaries = new Summaries(output, request);
    this.#rows = rowsOf(questions);
  }

  of(position: number, target: number): TokenScore {
    const row = this.#rows.get(position) as number;
    const column = (this.#questions.targets[row] as readonly number[]).indexOf(target);
    const isBest = this.#summaries.top(row)[0]?.id === target;
    return { logProbability: this.#summaries.target(row, column), isBest };
  }
}

/** The softmax of PyTorch for a model that gives bf16: logits and results are rounded to bf16, sums are f32. */
export class Bf16Scores implements Scores {
  readonly #questions: Questions;
  readonly #vocabSize: number;
  readonly #rows: ReadonlyMap<number, number>;
  readonly #found: (readonly TokenScore[])[] = [];

  constructor(questions: Questions, vocabSize: number) {
    this.#questions = questions;
    this.#vocabSize = vocabSize;
    this.#rows = rowsOf(questions);
  }

  /** Takes the logits [n, V] of the rows from `first` on. */
  take(first: number, logits: Float32Array): void {
    const size = this.#vocabSize;
    for (let i = 0; i * size < logits.length; i++)
      this.#found[first + i] = scoresInBf16(
        logits.subarray(i * size, (i + 1) * size),
        this.#questions.targets[first + i] as readonly number[],
      );
  }

  of(position: number, target: number): TokenScore {
    const row = this.#rows.get(position) as number;
    const found = this.#found[row]?.[(this.#questions.targets[row] as readonly number[]).indexOf(target)];
    if (!found) throw unusableLogits('NaN or infinite');
    return found;
  }
}

const rowsOf = ({ positions }: Questions): ReadonlyMap<number, number> =>
  new Map(positions.map((position, row) => [position, row]));

/** Empty where the logits are NaN or infinite. */
export function scoresInBf16(logits: Float32Array, targets: readonly number[]): TokenScore[] {
  const rounded = logits.map(toBf16);
  let max = Number.NEGATIVE_INFINITY;
  for (const x of rounded) if (!(x <= max)) max = x;
  if (!Number.isFinite(max)) return [];
  let sum = 0;
  for (const x of rounded) sum += exp(x - max);
  const total = Math.fround(log(sum));
  const result = (x: number) => toBf16(Math.fround(Math.fround(x - max) - total));
  // Many logits have the same rounded probability, and the first of the largest counts as the most likely.
  const largest = result(max);
  const best = rounded.findIndex((x) => result(x) === largest);
  return targets.map((id) => ({ logProbability: result(rounded[id] as number), isBest: id === best }));
}

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** To the nearest number with 8 significant bits, ties to even. */
export function toBf16(x: number): number {
  if (Number.isNaN(x)) return x;
  float[0] = x;
  const bits = word[0] as number;
  word[0] = bits + 0x7fff + ((bits >>> 16) & 1);
  word[0] = (word[0] as number) & 0xffff0000;
  return float[0] as number;
}
