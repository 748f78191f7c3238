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

export function checkAlternatives(count: number | undefined, param: string, { maxLogprobs }: Limits): void {
  if (count !== undefined && count > maxLogprobs)
    throw badRequest(
      `${param} is ${count}, and ${maxLogprobs} are the most that this server allows.`,
      param,
      'invalid_value',
    );
}
