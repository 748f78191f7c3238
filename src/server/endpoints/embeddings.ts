/** /v1/embeddings: vectors of texts, made of the values of a site. */
import { type EmbedOptions, embed, VECTOR_OPTIONS } from '../../api/embed.ts';
import { UsageError } from '../../base/errors.ts';
import { kinds, oneOf, option } from '../../options/option.ts';
import type { Call } from '../context.ts';
import { badRequest } from '../http/api-error.ts';
import { modelNamed, type NamedModel } from '../models/served-model.ts';
import { checkCount } from '../requests/answers.ts';
import { changesOf } from '../requests/changes.ts';
import { checkRequest } from '../requests/check-request.ts';
import { MODEL_PARAMETER, OWN_PARAMETERS } from '../requests/parameters.ts';
import { PROMPTS, promptList, readPrompt } from '../requests/prompts.ts';
import { merged } from '../requests/several.ts';

export const EMBEDDINGS_FORM = {
  parameters: {
    ...MODEL_PARAMETER,
    input: option(PROMPTS, 'one text or several'),
    encoding_format: option(oneOf(['float', 'base64']), 'numbers, or the bytes of f32 numbers', 'float'),
    ...VECTOR_OPTIONS,
    user: option(kinds.text, 'not used'),
    ...OWN_PARAMETERS,
  },
  required: ['model', 'input'] as const,
  unsupported: { dimensions: { reason: 'a vector has as many numbers as the model is wide' } },
};

export async function embeddings({ body, context, signal, abort, notes }: Call): Promise<Response> {
  const request = checkRequest(body, EMBEDDINGS_FORM);
  const named = modelNamed(context.models, request.model);
  checkSite(named, request.site);
  const given = promptList(request.input);
  checkCount(given.length, 1, undefined, context.limits);
  const prompts = given.map((prompt) => readPrompt(named.model, prompt, context.limits, 'input'));
  const options = {
    site: request.site,
    pooling: request.pooling,
    normalize: request.normalize,
    ...changesOf(named, request),
    signal,
  };
  const promptTokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  Object.assign(notes, { model: named.id, prompts: given, promptTokens });
  const makers = prompts.map(
    ({ ids }, index) =>
      async function* () {
        yield { index, vector: await vectorOf(named, ids, options) };
      },
  );
  const data: object[] = [];
  for await (const { index, vector } of merged(makers, context.limits.requestParallel, abort)) {
    const embedding = request.encoding_format === 'base64' ? base64Of(vector) : [...vector];
    data[index] = { object: 'embedding', index, embedding };
  }
  const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
  return Response.json({ object: 'list', model: request.model, data, usage });
}

async function vectorOf(
  { model, scheduler }: NamedModel,
  ids: readonly number[],
  options: EmbedOptions,
): Promise<Float32Array> {
  try {
    return await embed(model, ids, options, scheduler);
  } catch (error) {
    if (error instanceof UsageError) throw badRequest(error.message, 'site', 'invalid_value');
    throw error;
  }
}

function checkSite({ model, id }: NamedModel, name: string): void {
  if (!model.sites.some((site) => site.name === name))
    throw badRequest(
      `${id} has no site '${name.slice(0, 100)}'; 'portmanteau info' lists them.`,
      'site',
      'invalid_value',
    );
}

function base64Of({ buffer, byteOffset, byteLength }: Float32Array): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
