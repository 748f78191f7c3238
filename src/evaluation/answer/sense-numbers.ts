/** Answers to requests about the senses of words. They are of the model as it is. */
import type { Model } from '../../api/model.ts';
import { UsageError } from '../../base/errors.ts';
import { type EvaluationRequest, isOfSenses, type SenseRequest } from '../requests.ts';
import type { AnswerOptions } from './options.ts';

/** Throws UsageError when there are such requests, but the model has no senses, or is changed by an adapter or interventions. */
export function checkSenseRequests(
  model: Model,
  requests: readonly EvaluationRequest[],
  { adapter, interventions }: Pick<AnswerOptions, 'adapter' | 'interventions'>,
): void {
  if (!requests.some(isOfSenses)) return;
  void model.senses.count; // throws
  if (adapter || interventions)
    throw new UsageError(
      'the tasks about senses measure a model as it is: leave out the adapter and the interventions, or these tasks.',
    );
}

export async function senseNumbers(
  { senses }: Model,
  request: SenseRequest,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  if (request.kind === 'wordPair') {
    const [a, b] = request.words;
    const { senses: each, min, max, minAny, maxAny, flat } = await senses.similarity(a, b);
    return [...each, min, max, minAny, maxAny, flat];
  }
  const { word, prompts, pair } = request;
  if (senses.tokensOf(word).length > 1) return [];
  const leanings = await senses.leanings(word, { prompts, pair, signal });
  return leanings.flatMap(({ difference, senses: added }) => [difference, ...added]);
}
