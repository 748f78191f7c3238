/**
 * The signal of one request: aborted when the client goes away, the server wants it, or the time is over. One controller, and not AbortSignal.any
 * and AbortSignal.timeout, whose results Node keeps for as long as the timeout could still come, and those of Node 20 for ever when somebody listened.
 */

/** Milliseconds of a timer; longer ones would end at once. */
export const LONGEST_MS = 2 ** 31 - 1;

export interface RequestSignal {
  readonly abort: AbortController;
  /** Has to be called at the end: the time and the client then count no more. */
  readonly release: () => void;
}

export function requestSignal(client: AbortSignal, seconds: number): RequestSignal {
  const abort = new AbortController();
  const gone = () => abort.abort(client.reason);
  const late = () => abort.abort(new DOMException('the request took too long.', 'TimeoutError'));
  const timer = setTimeout(late, Math.min(LONGEST_MS, seconds * 1000));
  if (client.aborted) gone();
  else client.addEventListener('abort', gone);
  return {
    abort,
    release() {
      clearTimeout(timer);
      client.removeEventListener('abort', gone);
    },
  };
}
