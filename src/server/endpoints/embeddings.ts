/** /v1/embeddings: vectors of texts, made of the values of a site. */
import * as v from 'valibot';
import { kind, kinds, option } from '../../options/option.ts';
import type { Call } from '../context.ts';
import { badRequest } from '../http/api-error.ts';
import { adapterNamed, modelNamed, type NamedModel } from '../models/served-model.ts';
import { checkCount } from '../requests/answers.ts';
import { checkRequest } from '../requests/check-request.ts';
import { interventionsFrom } from '../requests/interventions.ts';
import { MODEL_PARAMETER, OWN_PARAMETERS } from '../requests/parameters.ts';
import { PROMPTS, promptList, readPrompt } from '../requests/prompts.ts';

const choice = <const T extends string>(...texts: readonly T[]) =>
  kind<T>(`one of ${texts.join(', ')}`, v.picklist(texts));

export const EMBEDDINGS_FORM = {
  parameters: {
    ...MODEL_PARAMETER,
    input: option(PROMPTS, 'one text or several'),
    encoding_format: option(choice('float', 'base64'), 'numbers, or the bytes of f32 numbers', 'float'),
    site: option(kinds.text, 'a site whose values are [T, M]; default: the input of the head', 'hidden'),
    pooling: option(choice('mean', 'last'), 'the mean over all tokens, or the values at the last', 'mean'),
    normalize: option(kinds.flag, 'divide by the length of the vector', true),
    user: option(kinds.text, 'not used'),
    ...OWN_PARAMETERS,
  },
  required: ['model', 'input'] as const,
  unsupported: { dimensions: { reason: 'a vector has as many numbers as the model is wide' } },
};

export async function embeddings({ body, context, signal, notes }: Call): Promise<Response> {
  const request = checkRequest(body, EMBEDDINGS_FORM);
  const named = modelNamed(context.models, request.model);
  checkSite(named, request.site);
  const given = promptList(request.input);
  checkCount(given.length, 1, undefined, context.limits);
  const prompts = given.map((prompt) => readPrompt(named.model, prompt, context.limits, 'input'));
  const options = {
    sites: [request.site],
    interventions: interventionsFrom(named.model, request.interventions),
    adapter: adapterNamed(named, request.adapter),
    signal,
  };
  const promptTokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  Object.assign(notes, { model: named.id, prompts: given, promptTokens });
  const data = [];
  for (const [index, { ids }] of prompts.entries()) {
    signal.throwIfAborted();
    const captured = (await named.model.capture(ids, stripped(options))).get(request.site);
    if (captured?.shape.length !== 2 || captured.shape[0] !== ids.length || !(captured.data instanceof Float32Array))
      throw badRequest(`the values of ${request.site} are not [T, M].`, 'site', 'invalid_value');
    const vector = pooled(captured.data, captured.shape[1] as number, request.pooling);
    if (request.normalize) normalize(vector);
    const embedding = request.encoding_format === 'base64' ? base64Of(vector) : [...vector];
    data.push({ object: 'embedding', index, embedding });
  }
  const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
  return Response.json({ object: 'list', model: request.model, data, usage });
}

const stripped = <O extends object>(options: O): O =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as O;

function checkSite({ model, id }: NamedModel, name: string): void {
  if (!model.sites.some((site) => site.name === name))
    throw badRequest(
      `${id} has no site '${name.slice(0, 100)}'; 'portmanteau info' lists them.`,
      'site',
      'invalid_value',
    );
}

/** x[T, M] -> [M]. */
function pooled(x: Float32Array, width: number, by: 'mean' | 'last'): Float32Array {
  if (by === 'last') return x.slice(-width);
  const sums = new Float64Array(width);
  for (let i = 0; i < x.length; i++) sums[i % width] = (sums[i % width] as number) + (x[i] as number);
  return Float32Array.from(sums, (sum) => (sum * width) / x.length);
}

function normalize(vector: Float32Array): void {
  let squares = 0;
  for (const one of vector) squares += one * one;
  const length = Math.sqrt(squares);
  if (length > 0) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
}

function base64Of({ buffer, byteOffset, byteLength }: Float32Array): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
