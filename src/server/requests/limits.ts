/** Limits of the server on the parameters of a request. */
import type { Limits } from '../context.ts';
import { badRequest } from '../http/api-error.ts';

export function checkNewTokens(tokens: number, param: string, { maxNewTokens }: Limits): void {
  if (tokens > maxNewTokens)
    throw badRequest(
      `${param} is ${tokens}, and ${maxNewTokens} are the most that this server allows.`,
      param,
      'invalid_value',
    );
}

/** Log-probabilities that an answer may have which is not streamed: some hundred megabytes. */
const MAX_LOGGED = 2_000_000;

/** Throws ApiError when an answer would hold too many log-probabilities at once. */
export function checkLogged(tokens: number, alternatives: number | undefined, param: string): void {
  const logged = alternatives === undefined ? 0 : tokens * (1 + alternatives);
  if (logged <= MAX_LOGGED) return;
  throw badRequest(
    `the answer may have ${logged} log-probabilities, and ${MAX_LOGGED} are the most: ask for fewer tokens, answers or alternatives, or stream.`,
    param,
    'too_many_logprobs',
  );
}

export function checkAlternatives(count: number | undefined, param: string, { maxLogprobs }: Limits): void {
  if (count !== undefined && count > maxLogprobs)
    throw badRequest(
      `${param} is ${count}, and ${maxLogprobs} are the most that this server allows.`,
      param,
      'invalid_value',
    );
}
