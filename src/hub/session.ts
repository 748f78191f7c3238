/** What requests to the hub have in common in Node and in browsers: when they are given up, tried again and refused, and how their answers are read. */
import { FetchError } from '../base/errors.ts';
import { type Asked, adviceFor } from './advice.ts';
import { isPassing, retryAfterMs, waitAfter } from './retries.ts';

export interface Session {
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** Number of retries after failures without progress. */
  readonly retries: number;
  /** Time without data, in ms, after which a request is aborted. */
  readonly stallMs: number;
  /** Wait before the first retry, in ms; doubled for each further one. */
  readonly backoffMs: number;
  /** Was there any response yet? Without one, an unreachable host is not tried again. */
  readonly contact: { made: boolean };
  /** Called before a wait that a user would notice. */
  readonly onRetry: ((message: string) => void) | undefined;
  /** What makes a download that was given up go on, such as `run it again`. */
  readonly again: string;
}

/** No connection: no network, no such host, or no server. */
export class UnreachableError extends FetchError {}

/** A temporary failure. */
export class TransientError extends FetchError {
  /** The server's `Retry-After`, in ms. */
  waitMs = 0;
  /** Bytes that this try has received nevertheless. */
  progress = 0;
  /** Was there no connection? */
  unreachable = false;
}

/** Longer waits are reported. */
const QUIET_WAIT_MS = 1000;
/** A try that received this much is not counted as a failure, so that large files also arrive over poor connections. */
const PROGRESS_BYTES = 1 << 20;

/** Runs `action` until it succeeds, fails permanently, or has failed too often. */
export async function withRetries<T>(session: Session, action: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; ) {
    session.signal?.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      session.signal?.throwIfAborted();
      if (!(error instanceof TransientError)) throw error;
      if (error.unreachable && !session.contact.made) throw new UnreachableError(error.message, { cause: error.cause });
      failures = error.progress >= PROGRESS_BYTES ? 1 : failures + 1;
      if (failures > session.retries) throw gaveUp(error, failures, session);
      const waitMs = waitAfter(failures, session.backoffMs, error.waitMs);
      if (waitMs >= QUIET_WAIT_MS)
        session.onRetry?.(
          `${error.message} Trying again in ${(waitMs / 1000).toFixed(0)} s (${failures} of ${session.retries}).`,
        );
      await sleep(waitMs, session.signal); // aborted: thrown above
    }
  }
}

function gaveUp({ message, status, cause }: TransientError, failures: number, { retries, again }: Session): FetchError {
  const told = retries === 0 ? message : `${message} Gave up after ${failures} tries; ${again} to go on from there.`;
  return new FetchError(told, { status, cause }); // the message of `cause` is the same
}

/** Ends after so many ms, or when the signal aborts. */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}

export interface Watch {
  readonly signal: AbortSignal;
  readonly silent: boolean;
  /** Waits for the server. The time between two waits is not counted, since the caller may be busy with its disk. */
  wait<T>(promise: Promise<T>): Promise<T>;
  end(): void;
}

/** Aborts when a wait takes `stallMs`, and with the caller's signal. */
export function watchSilence({ signal, stallMs }: Session): Watch {
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  let silent = false;
  signal?.addEventListener('abort', abort);
  if (signal?.aborted) abort();
  return {
    signal: controller.signal,
    get silent() {
      return silent;
    },
    async wait(promise) {
      const timer = setTimeout(() => {
        silent = true;
        controller.abort();
      }, stallMs);
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
      }
    },
    end: () => signal?.removeEventListener('abort', abort),
  };
}

export const silence = (method: string, address: string, { stallMs }: Session): TransientError =>
  new TransientError(`${method} ${address}: nothing came for ${stallMs / 1000} s.`);

/** The body of an answer, in chunks. `broken`: the error to throw for one of the connection. */
export async function* bodyOf(
  response: Response,
  watch: Watch,
  { signal }: Session,
  broken: (error: unknown) => FetchError,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const read = reader && (await watch.wait(reader.read()));
      if (!read || read.done) return;
      yield read.value;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw broken(error);
  } finally {
    reader?.releaseLock();
  }
}

interface Body {
  body(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Requests JSON of at most `maxBytes`, each time by `ask`; after failures that may pass, tries again. Throws FetchError. */
export function requestJson(
  session: Session,
  address: string,
  maxBytes: number,
  ask: () => Promise<Body>,
): Promise<unknown> {
  return withRetries(session, async () => {
    const answer = await ask();
    try {
      return await readJson(answer.body(), address, session.endpoint, maxBytes);
    } finally {
      await answer.close();
    }
  });
}

async function readJson(
  body: AsyncIterable<Uint8Array>,
  address: string,
  endpoint: string,
  maxBytes: number,
): Promise<unknown> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new FetchError(`GET ${address}: the answer is longer than ${maxBytes} bytes.`);
    text += decoder.decode(chunk, { stream: true });
  }
  try {
    return JSON.parse(text + decoder.decode());
  } catch {
    throw new FetchError(`GET ${address}: the answer is no JSON; is ${endpoint} a hub (HF_ENDPOINT)?`);
  }
}

/** The error of an answer with status 400 or more: transient, or with advice. `words`: for its status. */
export function refusalOf(
  response: Response,
  words: string,
  foreign: string | undefined,
  method: string,
  address: string,
  asked: Asked,
): FetchError {
  const { status, headers } = response; // not in the signature: not all programs that read its types have those of the DOM
  const who = status === 407 ? 'the proxy' : foreign ? `${foreign}, to which the hub redirects,` : 'the hub';
  const start = `${method} ${address}: ${who} answered ${status} ${words}`.trimEnd();
  // Signed addresses of other hosts expire; the next try gets a new one.
  if (isPassing(status) || (foreign && status === 403) || status === 416) {
    const advice = foreign ? 'Its trouble is not yours: try again later.' : adviceFor(status, null, asked);
    const error = new TransientError(`${start}. ${advice}`, { status });
    error.waitMs = retryAfterMs(headers.get('retry-after'));
    return error;
  }
  return new FetchError(`${start}. ${adviceFor(status, headers.get('x-error-code'), asked)}`, { status });
}
