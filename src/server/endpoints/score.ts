/** /v1/score: the log-probability of every token of a text. */
import { kinds, option } from '../../options/option.ts';
import type { Call } from '../context.ts';
import { modelNamed } from '../models/served-model.ts';
import { checkCount } from '../requests/answers.ts';
import { changesOf } from '../requests/changes.ts';
import { checkRequest } from '../requests/check-request.ts';
import { checkAlternatives, checkLogged } from '../requests/limits.ts';
import { MODEL_PARAMETER, OWN_PARAMETERS } from '../requests/parameters.ts';
import { PROMPTS, promptList, readPrompt } from '../requests/prompts.ts';

export const SCORE_FORM = {
  parameters: {
    ...MODEL_PARAMETER,
    prompt: option(PROMPTS, 'one text or several'),
    top_logprobs: option(kinds.fromZero, 'so many of the most likely tokens at each place', 0),
    ...OWN_PARAMETERS,
  },
  required: ['model', 'prompt'] as const,
  unsupported: {},
};

export async function scoreTexts({ body, context, signal, notes }: Call): Promise<Response> {
  const request = checkRequest(body, SCORE_FORM);
  const { limits } = context;
  const named = modelNamed(context.models, request.model);
  checkAlternatives(request.top_logprobs, 'top_logprobs', limits);
  const given = promptList(request.prompt);
  checkCount(given.length, 1, undefined, limits);
  const prompts = given.map((prompt) => readPrompt(named.model, prompt, limits));
  const options = {
    alternatives: request.top_logprobs,
    ...changesOf(named, request),
    signal,
  };
  const promptTokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  checkLogged(promptTokens, request.top_logprobs, 'prompt');
  Object.assign(notes, { model: named.id, prompts: given, promptTokens });
  const scores = await Promise.all(prompts.map(({ ids }) => named.scheduler.score(ids, options)));
  return Response.json({
    object: 'list',
    model: request.model,
    data: scores.map(({ tokens, sumLogprob, perplexity }, index) => ({
      index,
      sum_logprob: sumLogprob,
      perplexity: Number.isFinite(perplexity) ? perplexity : null,
      tokens: tokens.map(({ id, text, logprob, alternatives }) => ({
        ...{ id, text, logprob },
        ...(alternatives ? { top_logprobs: alternatives } : {}),
      })),
    })),
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  });
}
