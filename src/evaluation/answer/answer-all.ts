/** Answers all requests of a run: those that are known already count as answered, and what was answered is told at once. */
import type { Model } from '../../api/model.ts';
import type { EvaluationAnswer, EvaluationRequest } from '../requests.ts';
import { type Answered, answerRequests } from './answer.ts';
import type { AnswerOptions } from './options.ts';
import { checkSenseRequests } from './sense-numbers.ts';

export interface AnswerProgress {
  /** Requests that are answered or failed, the known ones included. */
  readonly done: number;
  readonly total: number;
}

/** Answers requests elsewhere than on this model, as answerRequests does. */
export type Answerer = (
  requests: readonly EvaluationRequest[],
  options: Pick<AnswerOptions, 'signal' | 'onTruncated'>,
) => AsyncIterable<Answered>;

export interface AnswerAllOptions extends AnswerOptions {
  /** Default: the model. */
  readonly answerer?: Answerer | undefined;
  /** Answers of an earlier run, by the number of the request. */
  readonly known?: ReadonlyMap<number, EvaluationAnswer> | undefined;
  /** Called with each answer as soon as it is there, not with known ones. */
  readonly onAnswer?: ((index: number, answer: EvaluationAnswer) => void) | undefined;
  readonly onProgress?: ((progress: AnswerProgress) => void) | undefined;
}

export interface Answers {
  /** In the order of the requests; undefined where there is none. */
  readonly answers: readonly (EvaluationAnswer | undefined)[];
  /** Requests without an answer, in ascending order. */
  readonly failures: readonly { readonly index: number; readonly error: Error }[];
}

/** Computing on one thread leaves no time for signals and pages, so there are pauses in this interval, milliseconds. */
const REST_MS = 50;

export async function answerAll(
  model: Model,
  requests: readonly EvaluationRequest[],
  { known = new Map(), answerer, onAnswer, onProgress, onTruncated, ...options }: AnswerAllOptions = {},
): Promise<Answers> {
  checkSenseRequests(model, requests, options);
  const answers: (EvaluationAnswer | undefined)[] = requests.map((_, index) => known.get(index));
  const open = [...requests.keys()].filter((index) => !known.has(index));
  const failures: { index: number; error: Error }[] = [];
  const total = requests.length;
  let done = total - open.length;
  let rested = performance.now();
  onProgress?.({ done, total });
  const left = open.map((index) => requests[index] as EvaluationRequest);
  const tellTruncated = onTruncated && ((index: number, tokens: number) => onTruncated(open[index] as number, tokens));
  const all = answerer
    ? answerer(left, { signal: options.signal, onTruncated: tellTruncated })
    : answerRequests(model, left, { ...options, onTruncated: tellTruncated });
  for await (const one of all) {
    const index = open[one.index] as number;
    if ('answer' in one) {
      answers[index] = one.answer;
      onAnswer?.(index, one.answer);
    } else failures.push({ index, error: one.error instanceof Error ? one.error : new Error(String(one.error)) });
    done++;
    onProgress?.({ done, total });
    if (performance.now() - rested < REST_MS) continue;
    await new Promise((resolve) => setTimeout(resolve));
    rested = performance.now();
  }
  return { answers, failures: failures.sort((a, b) => a.index - b.index) };
}
