/** Log-probabilities in the form of /v1/chat/completions. */
import type { AnswerStep } from '../requests/answers.ts';

interface Logged {
  readonly text: string;
  readonly logprob: number;
}

const REPLACED = '\uFFFD'; // stands for bytes that are no character by themselves

const entry = ({ text, logprob }: Logged) => ({
  token: text,
  logprob,
  bytes: text.includes(REPLACED) ? null : [...new TextEncoder().encode(text)],
});

/** Of one new token, whose text is `piece`. */
export const chatLogprob = ({ logprob = 0, alternatives = [] }: AnswerStep, piece: string) => ({
  ...entry({ text: piece, logprob }),
  top_logprobs: alternatives.map(entry),
});

export type ChatLogprob = ReturnType<typeof chatLogprob>;
