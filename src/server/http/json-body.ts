/** Reads the body of a request as JSON, within a limit of bytes. */
import { ApiError, badRequest } from './api-error.ts';

const ENDS_TOO_EARLY = 'the body ended before it was complete.';

/** Throws ApiError: 415 for another type of content, 413 for too many bytes, 400 for broken UTF-8 or JSON, or a value that is no object. */
export async function readJsonBody(request: Request, maxBytes: number): Promise<Readonly<Record<string, unknown>>> {
  // Browsers send this type to other sites only with their permission (CORS).
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new ApiError(415, "the content has to be JSON: send the header 'content-type: application/json'.");
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (!/^identity$/i.test(encoding))
    throw new ApiError(415, `the content is encoded as ${encoding.slice(0, 40)}: send it as it is.`);
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const text = await textOf(request, maxBytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badRequest(`the body is no JSON: ${(error as Error).message.slice(0, 200)}`, undefined, 'invalid_json');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw badRequest('the body has to be a JSON object.', undefined, 'invalid_json');
}

async function textOf(request: Request, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let bytes = 0;
  const reader = request.body?.getReader();
  if (!reader) return '';
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        throw badRequest(ENDS_TOO_EARLY);
      });
      if (done) return text + decode(() => decoder.decode());
      bytes += value.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      text += decode(() => decoder.decode(value, { stream: true }));
    }
  } catch (error) {
    await reader.cancel().catch(() => {});
    throw error;
  }
}

function decode(read: () => string): string {
  try {
    return read();
  } catch {
    throw badRequest('the body is no UTF-8.', undefined, 'invalid_utf8');
  }
}

const tooLarge = (maxBytes: number): ApiError =>
  new ApiError(413, `the body is larger than the ${maxBytes} bytes that this server accepts.`, {
    code: 'body_too_large',
  });
