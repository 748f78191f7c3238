/** Errors in the form of OpenAI's API: { error: { message, type, param, code } }, with a status of HTTP. */

import { CheckpointError, FetchError, UsageError } from '../../base/errors.ts';
import { QueueFullError, SchedulerClosedError } from '../../scheduler/errors.ts';

export interface ApiErrorDetails {
  /** Name of the parameter that is wrong, such as `messages[0].role`. */
  readonly param?: string | undefined;
  /** A word for programs, such as `model_not_found`. */
  readonly code?: string | undefined;
  readonly type?: string | undefined;
  /** For the header Retry-After. */
  readonly retryAfterSeconds?: number | undefined;
}

/** An error that the client is told of. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  readonly details: ApiErrorDetails;
  constructor(status: number, message: string, details: ApiErrorDetails = {}) {
    super(message);
    this.status = status;
    this.details = details;
  }

  /** The content of the answer. */
  get body() {
    const { param = null, code = null, type = typeOf(this.status) } = this.details;
    return { error: { message: this.message, type, param, code } };
  }

  get headers(): Record<string, string> {
    const { retryAfterSeconds } = this.details;
    return retryAfterSeconds === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterSeconds))) };
  }
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

/** A wrong request. */
export const badRequest = (message: string, param?: string, code?: string): ApiError =>
  new ApiError(400, message, { param, code });

/**
 * The error that a client is told of for anything that was thrown. What the caller cannot change is told without its details, which stand in
 * the log.
 */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof UsageError) return badRequest(error.message);
  if (error instanceof QueueFullError)
    return new ApiError(429, error.message, { code: 'queue_full', retryAfterSeconds: error.retryAfterSeconds });
  if (error instanceof SchedulerClosedError)
    return new ApiError(503, 'the server is shutting down.', { code: 'draining', retryAfterSeconds: 5 });
  const { name } = Object(error) as { name?: unknown };
  if (name === 'TimeoutError')
    return new ApiError(408, 'the request took longer than this server allows.', { code: 'timeout' });
  if (name === 'AbortError') return new ApiError(499, 'the request was cancelled.', { code: 'cancelled' });
  if (error instanceof CheckpointError || error instanceof FetchError)
    return new ApiError(500, 'the model failed; the log of the server says how.', { code: 'model_failed' });
  return new ApiError(500, 'the server failed; its log says how.', { code: 'internal_error' });
}
