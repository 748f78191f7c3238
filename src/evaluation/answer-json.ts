/** Answers as JSON, which has neither infinite numbers nor -0. */
import type { EvaluationAnswer } from './requests.ts';

export type AnswerJson = Omit<EvaluationAnswer, 'logProbability' | 'numbers'> & {
  readonly logProbability?: NumberJson;
  readonly numbers?: readonly NumberJson[];
};

type NumberJson = number | string;

const toJson = (x: number): NumberJson => (Number.isFinite(x) && !Object.is(x, -0) ? x : x === 0 ? '-0' : String(x));

export function answerToJson(answer: EvaluationAnswer): AnswerJson {
  if (answer.kind === 'generate') return answer;
  if (answer.kind === 'numbers') return { ...answer, numbers: answer.numbers.map(toJson) };
  return { ...answer, logProbability: toJson(answer.logProbability) };
}

export function answerFromJson(answer: AnswerJson): EvaluationAnswer {
  const { logProbability, numbers } = answer;
  if (logProbability !== undefined) return { ...answer, logProbability: Number(logProbability) } as EvaluationAnswer;
  return (numbers ? { ...answer, numbers: numbers.map(Number) } : answer) as EvaluationAnswer;
}
