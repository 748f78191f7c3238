/** What is in a queue: batches of requests, and their answers. */
import type { Answered } from '../../evaluation/answer/answer.ts';
import { type AnswerJson, answerFromJson, answerToJson } from '../../evaluation/answer-json.ts';
import type { EvaluationRequest } from '../../evaluation/requests.ts';
import type { PlainAnswerOptions } from '../evaluation/identity-node.ts';

export interface Batch {
  /** The run that wants the answers. */
  readonly run: string;
  readonly options: PlainAnswerOptions;
  readonly requests: readonly EvaluationRequest[];
}

/** In the order of the batch: an answer, or the message of an error. */
export interface BatchAnswers {
  readonly answers: readonly (AnswerJson | string)[];
  /** Requests that lost the beginning of their text, with the number of tokens. */
  readonly truncated: readonly (readonly [index: number, tokens: number])[];
}

/** The run that wanted the answers was over when a worker took the batch. */
export type Unwanted = 'unwanted';

export const answersToJson = (answered: readonly Answered[]): (AnswerJson | string)[] =>
  [...answered]
    .sort((a, b) => a.index - b.index)
    .map((one) => ('answer' in one ? answerToJson(one.answer) : messageOf(one.error)));

/** `indices`: of the batch's requests. */
export const answersFromJson = ({ answers }: BatchAnswers, indices: readonly number[]): Answered[] =>
  answers.map((one, i) => {
    const index = indices[i] as number;
    return typeof one === 'string' ? { index, error: new Error(one) } : { index, answer: answerFromJson(one) };
  });

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
