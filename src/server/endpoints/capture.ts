/** /v1/capture: values from inside of a model while it reads a text, as a safetensors file. Off unless the server is told. */
import * as v from 'valibot';
import type { StoredDType } from '../../checkpoint/safetensors.ts';
import { safetensorsBytes } from '../../checkpoint/save.ts';
import { kind, kinds, option } from '../../options/option.ts';
import type { Call } from '../context.ts';
import { ApiError } from '../http/api-error.ts';
import { modelNamed } from '../models/served-model.ts';
import { changesOf } from '../requests/changes.ts';
import { checkRequest } from '../requests/check-request.ts';
import { MODEL_PARAMETER, OWN_PARAMETERS } from '../requests/parameters.ts';
import { ONE_PROMPT, readPrompt } from '../requests/prompts.ts';

const names = kind<readonly string[]>(
  'a list of names of sites, at least one; * stands for any part',
  v.pipe(v.array(v.pipe(v.string(), v.maxLength(200))), v.minLength(1), v.maxLength(200)),
);

export const CAPTURE_FORM = {
  parameters: {
    ...MODEL_PARAMETER,
    prompt: option(ONE_PROMPT, 'the text'),
    sites: option(names, 'names of sites'),
    from: option(kinds.fromZero, 'the first token whose values are wanted', 0),
    ...OWN_PARAMETERS,
  },
  required: ['model', 'prompt', 'sites'] as const,
  unsupported: {},
};

export async function captureValues({ body, context, signal, notes }: Call): Promise<Response> {
  if (!context.limits.capture)
    throw new ApiError(403, 'this server gives no values from inside of models: it was started without --capture.', {
      code: 'capture_off',
    });
  const request = checkRequest(body, CAPTURE_FORM);
  const named = modelNamed(context.models, request.model);
  const { ids } = readPrompt(named.model, request.prompt, context.limits);
  const changes = changesOf(named, request);
  Object.assign(notes, { model: named.id, prompts: [request.prompt], promptTokens: ids.length });
  const captured = await named.model.capture(ids, {
    ...{ sites: request.sites, from: request.from, signal },
    ...changes,
  });
  const tensors = [...captured].map(([name, { shape, dtype, data }]) => ({
    ...{ name, shape, dtype: dtype.toUpperCase() as StoredDType },
    bytes: () => [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
  }));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of safetensorsBytes(tensors)) parts.push(part as Uint8Array<ArrayBuffer>);
  return new Response(new Blob(parts), { headers: { 'content-type': 'application/octet-stream' } });
}
