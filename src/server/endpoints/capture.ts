/** /v1/capture: values from inside of a model while it reads a text, as a safetensors file. Off unless the server is told. */
import * as v from 'valibot';
import { captureSize } from '../../api/capture-bytes.ts';
import { type Model, partsOf } from '../../api/model.ts';
import { UsageError } from '../../base/errors.ts';
import type { StoredDType } from '../../checkpoint/safetensors.ts';
import { safetensorsBytes } from '../../checkpoint/save.ts';
import { kind, kinds, option } from '../../options/option.ts';
import type { Call, Limits } from '../context.ts';
import { ApiError, badRequest } from '../http/api-error.ts';
import { modelNamed, type NamedModel } from '../models/served-model.ts';
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

export async function captureValues({ body, context, signal, notes, onEnd }: Call): Promise<Response> {
  if (!context.limits.capture)
    throw new ApiError(403, 'this server gives no values from inside of models: it was started without --capture.', {
      code: 'capture_off',
    });
  const request = checkRequest(body, CAPTURE_FORM);
  const named = modelNamed(context.models, request.model);
  const { ids } = readPrompt(named.model, request.prompt, context.limits);
  const changes = changesOf(named, request);
  checkSize(named, request, ids.length, context.limits);
  Object.assign(notes, { model: named.id, prompts: [request.prompt], promptTokens: ids.length });
  const leave = await context.captures.enter(signal);
  try {
    const options = { sites: request.sites, from: request.from, signal, ...changes };
    const parts = await fileParts(await named.scheduler.capture(ids, options));
    return sent(parts, signal, () => {
      leave();
      onEnd();
    });
  } catch (error) {
    leave();
    throw error;
  }
}

/** Throws ApiError, before anything is read, when the values would be larger than the server allows. */
function checkSize(
  { model }: NamedModel,
  { sites, from }: { readonly sites: readonly string[]; readonly from: number },
  tokens: number,
  { maxCaptureBytes }: Limits,
): void {
  if (from >= tokens)
    throw badRequest(`from is ${from}, and the prompt has ${tokens} tokens.`, 'from', 'invalid_value');
  let bytes: number;
  try {
    bytes = captureSize(partsOf(model), sites, { from, to: tokens });
  } catch (error) {
    if (error instanceof UsageError) throw badRequest(error.message, 'sites', 'invalid_value');
    throw error;
  }
  if (bytes > maxCaptureBytes)
    throw badRequest(
      `the values of these sites at ${tokens - from} tokens take ${bytes} bytes, and ${maxCaptureBytes} are the most here: ` +
        'name fewer sites, or give a later from.',
      'sites',
      'capture_too_large',
    );
}

/** The values as the parts of a safetensors file. */
async function fileParts(captured: Awaited<ReturnType<Model['capture']>>): Promise<Uint8Array[]> {
  const tensors = [...captured].map(([name, { shape, dtype, data }]) => ({
    ...{ name, shape, dtype: dtype.toUpperCase() as StoredDType },
    bytes: () => [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
  }));
  const parts: Uint8Array[] = [];
  for await (const part of safetensorsBytes(tensors)) parts.push(part);
  return parts;
}

/** Bytes that are handed on at once: a client that reads slowly holds as few. */
const PIECE = 2 ** 18;

/** An answer of these parts. `onEnd` is called when it was read, nobody reads it any more, or the time is over. */
function sent(parts: Uint8Array[], signal: AbortSignal, onEnd: () => void): Response {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  let abort = () => {};
  const end = () => {
    parts.length = 0;
    signal.removeEventListener('abort', abort);
    onEnd();
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        abort = () => {
          end();
          controller.error(signal.reason);
        };
        signal.addEventListener('abort', abort);
      },
      pull(controller) {
        const part = parts.shift();
        if (part) controller.enqueue(part.subarray(0, PIECE));
        if (part && part.length > PIECE) parts.unshift(part.subarray(PIECE));
        if (parts.length > 0) return;
        controller.close();
        end();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
  return new Response(stream, {
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(length) },
  });
}
