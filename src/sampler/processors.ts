/**
 * Changes scores before a token is chosen. These are transformers' logits processors (generation/logits_process.py), in the order of
 * `_get_logits_processor` (generation/utils.py).
 */
import { UsageError } from '../base/errors.ts';
import { pow } from '../base/math.ts';
import { biasEntries, type SamplingOptions } from './options.ts';
import { type History, penalise } from './penalties.ts';

/** Changes scores[V] in place. `counts`[V] is scratch memory: all zero before and after. */
export type Processor = (scores: Float32Array, history: History, counts: Uint32Array) => void;

/** The processors for these options. `endIds`: ids that end generation. */
export function processorsOf(options: SamplingOptions, endIds: ReadonlySet<number>): readonly Processor[] {
  const { encoderRepetitionPenalty = 1, repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = options;
  const { noRepeatNgramSize = 0, encoderNoRepeatNgramSize = 0, minLength = 0, minNewTokens = 0 } = options;
  const { forcedBosTokenId, forcedEosTokenId, exponentialDecayLengthPenalty: decay } = options;
  const { suppressTokens = [], beginSuppressTokens = [] } = options;
  const biases = biasesOf(options);
  const bad = sequences((options.badWordsIds ?? []).map((ids) => [ids, Number.NEGATIVE_INFINITY] as const)).filter(
    ({ last, before }) => before.length > 0 || !endIds.has(last), // a single end id cannot be forbidden this way
  );
  const list: Processor[] = [];
  const add = (wanted: boolean, processor: Processor) => {
    if (wanted) list.push(processor);
  };
  add(biases.length > 0, (scores, history) => addBiases(scores, history, biases, 'logitBias or sequenceBias'));
  add(encoderRepetitionPenalty !== 1, (scores, { prompt }, counts) =>
    penalise(scores, { prompt, generated: [] }, { repetitionPenalty: 1 / encoderRepetitionPenalty }, counts),
  );
  add(repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0, (scores, history, counts) =>
    penalise(scores, history, { repetitionPenalty, presencePenalty, frequencyPenalty }, counts),
  );
  add(noRepeatNgramSize > 0, (scores, { prompt, generated }) => {
    const ids = [...prompt, ...generated];
    forbidRepeats(scores, ids, ids, noRepeatNgramSize);
  });
  add(encoderNoRepeatNgramSize > 0, (scores, { prompt, generated }) =>
    forbidRepeats(scores, prompt, [...prompt, ...generated], encoderNoRepeatNgramSize),
  );
  add(bad.length > 0, (scores, history) => addBiases(scores, history, bad, 'badWordsIds'));
  add(minLength > 0, (scores, { prompt, generated }) => {
    if (prompt.length + generated.length < minLength) forbid(scores, endIds);
  });
  add(minNewTokens > 0, (scores, { generated }) => {
    if (generated.length < minNewTokens) forbid(scores, endIds);
  });
  add(forcedBosTokenId !== undefined, (scores, { prompt, generated }) => {
    if (prompt.length + generated.length === 1) force(scores, [forcedBosTokenId as number]);
  });
  add(forcedEosTokenId !== undefined, (scores, { generated, limit }) => {
    if (generated.length + 1 === limit) force(scores, [forcedEosTokenId as number | readonly number[]].flat());
  });
  add(decay !== undefined, (scores, { generated }) => {
    const [start, factor] = decay as readonly [number, number];
    if (generated.length > start) favour(scores, endIds, pow(factor, generated.length - start) - 1);
  });
  add(suppressTokens.length > 0, (scores) => forbid(scores, suppressTokens));
  add(beginSuppressTokens.length > 0, (scores, { prompt, generated }) => {
    const first = prompt.length <= 1 && forcedBosTokenId !== undefined ? 1 : 0; // after what was forced
    if (generated.length === first) forbid(scores, beginSuppressTokens);
  });
  return list;
}

/** Added to the score of `last` when the latest ids are `before`. */
interface Bias {
  readonly before: readonly number[];
  readonly last: number;
  readonly bias: number;
}

function biasesOf({ logitBias, sequenceBias = [] }: SamplingOptions): Bias[] {
  return [...biasEntries(logitBias).map(([last, bias]) => ({ before: [], last, bias })), ...sequences(sequenceBias)];
}

/** Without duplicates: the later of two equal sequences is used, as in Python's dict. */
function sequences(list: readonly (readonly [readonly number[], number])[]): Bias[] {
  const unlike = new Map(list.map(([ids, bias]) => [ids.join(), { ids, bias }]));
  return [...unlike.values()].map(({ ids, bias }) => ({
    before: ids.slice(0, -1),
    last: ids.at(-1) as number,
    bias,
  }));
}

function addBiases(
  scores: Float32Array,
  { prompt, generated }: History,
  biases: readonly Bias[],
  option: string,
): void {
  const { length } = prompt;
  const at = (i: number) => (i < length ? prompt[i] : generated[i - length]);
  const total = length + generated.length;
  for (const { before, last, bias } of biases) {
    const strange = [...before, last].find((id) => id >= scores.length);
    if (strange !== undefined)
      throw new UsageError(
        `${option} has token id ${strange}, which does not exist: this model has ids 0 to ${scores.length - 1}.`,
      );
    if (before.length > total || !before.every((id, i) => at(total - before.length + i) === id)) continue;
    scores[last] = (scores[last] as number) + bias;
  }
}

/** Forbids ids that would complete a sequence of `size` ids which occurs in `known`, after the last ids of `text`. */
function forbidRepeats(scores: Float32Array, known: readonly number[], text: readonly number[], size: number): void {
  const prefix = text.length - size + 1; // where the ids begin that the next one would complete
  if (prefix < 0) return;
  for (let from = 0; from + size <= known.length; from++) {
    let i = 0;
    while (i < size - 1 && known[from + i] === text[prefix + i]) i++;
    if (i === size - 1) forbid(scores, [known[from + i] as number]);
  }
}

/** Forbids ids; those that do not exist are ignored. */
function forbid(scores: Float32Array, ids: Iterable<number>): void {
  for (const id of ids) if (id >= 0 && id < scores.length) scores[id] = Number.NEGATIVE_INFINITY;
}

function force(scores: Float32Array, ids: readonly number[]): void {
  const strange = ids.find((id) => id >= scores.length);
  if (strange !== undefined)
    throw new UsageError(`id ${strange} cannot be forced: the last id of this model is ${scores.length - 1}.`);
  scores.fill(Number.NEGATIVE_INFINITY);
  for (const id of ids) scores[id] = 0;
}

/** Adds to some scores a multiple of their absolute values. */
function favour(scores: Float32Array, ids: ReadonlySet<number>, times: number): void {
  for (const id of ids) {
    const score = scores[id] as number;
    if (Number.isFinite(score)) scores[id] = score + Math.abs(score) * times;
  }
}
