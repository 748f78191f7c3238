/** Answers as JSON, which has neither infinite numbers nor -0. */
import type { EvaluationAnswer } from './requests.ts';

export type AnswerJson = Omit<EvaluationAnswer, 'logProbability'> & { readonly logProbability?: number | string };

export function answerToJson(answer: EvaluationAnswer): AnswerJson {
  if (answer.kind === 'generate') return answer;
  const { logProbability } = answer;
  if (Number.isFinite(logProbability) && !Object.is(logProbability, -0)) return answer;
  return { ...answer, logProbability: logProbability === 0 ? '-0' : String(logProbability) };
}

export const answerFromJson = (answer: AnswerJson): EvaluationAnswer =>
  (answer.logProbability === undefined
    ? answer
    : { ...answer, logProbability: Number(answer.logProbability) }) as EvaluationAnswer;
