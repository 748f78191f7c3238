/**
 * Requests to the hub. Redirects are followed here, so that the token is never sent to other hosts. A request without data for some time is
 * aborted; temporary failures (broken connections, 429, 5xx) are retried a limited number of times.
 */
import { STATUS_CODES } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { FetchError, UsageError } from '../base/errors.ts';
import { type Asked, adviceFor } from './advice.ts';
import { publicPart } from './environment-node.ts';
import { failureOf } from './failures.ts';
import { fetchFor, proxyFor } from './proxy-node.ts';
import { backoffAfter, isPassing } from './retries.ts';

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

export interface Answer {
  readonly status: number;
  /** Headers of the last response. */
  readonly headers: Headers;
  /** The value of a header in the last response, including redirects, that has it. */
  header(name: string): string | null;
  /** Is the response from another host than the hub? */
  readonly foreign: boolean;
  /** The body, in chunks. Throws TransientError when the connection breaks or sends no data. */
  body(): AsyncGenerator<Uint8Array>;
  /** Must be called at the end, even if the body was not read. */
  close(): Promise<void>;
}

const MAX_REDIRECTS = 10;
const MAX_RETRY_AFTER_MS = 60_000;
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
      if (failures > session.retries)
        throw new FetchError(`${error.message} Gave up after ${failures} tries; run it again to go on from there.`, {
          status: error.status,
          cause: error.cause, // its message is the same
        });
      const waitMs = Math.max(backoffAfter(failures, session.backoffMs), Math.min(error.waitMs, MAX_RETRY_AFTER_MS));
      if (waitMs >= QUIET_WAIT_MS)
        session.onRetry?.(
          `${error.message} Trying again in ${(waitMs / 1000).toFixed(0)} s (${failures} of ${session.retries}).`,
        );
      await sleep(waitMs, undefined, { signal: session.signal }).catch(() => {}); // aborted: thrown above
    }
  }
}

/**
 * One request. A HEAD stops at a redirect to another host; a GET follows it, without token and without If-Range, whose
 * ETag is the hub's. Throws TransientError or, when trying again is of no use, FetchError with advice.
 */
export async function send(
  session: Session,
  method: 'GET' | 'HEAD',
  address: string,
  asked: Asked,
  extra: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const watch = watchSilence(session);
  const hub = new URL(session.endpoint).origin;
  const passed: Headers[] = [];
  let url = new URL(address);
  try {
    let foreign = false;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      foreign ||= url.origin !== hub; // for good: who sends us back must not choose where the token goes
      const { 'If-Range': ifRange, ...others } = extra;
      const headers = {
        'User-Agent': 'portmanteau',
        'Accept-Encoding': 'identity', // sizes and ranges are of the plain bytes
        ...others,
        ...(ifRange && !foreign ? { 'If-Range': ifRange } : {}),
        ...(session.token && !foreign ? { Authorization: `Bearer ${session.token}` } : {}),
      };
      const request = await fetchFor(url);
      const response = await watch.wait(request(url, { method, headers, redirect: 'manual', signal: watch.signal }));
      session.contact.made = true;
      passed.unshift(response.headers);
      const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
      const next = location === null ? undefined : resolve(location, url, address);
      if (!next || (method === 'HEAD' && next.origin !== hub)) {
        const answer = answerOf(response, passed, foreign, watch, session, address);
        if (response.status < 400) return answer;
        await answer.close();
        throw refusal(response, foreign, method, address, asked);
      }
      await response.body?.cancel();
      url = next;
    }
    throw new FetchError(`${method} ${address}: more than ${MAX_REDIRECTS} redirects; is HF_ENDPOINT right?`);
  } catch (error) {
    watch.end();
    session.signal?.throwIfAborted();
    throw error instanceof FetchError || error instanceof UsageError
      ? error
      : broken(error, watch, session, method, address, url);
  }
}

/** Requests JSON. */
export async function getJson(session: Session, address: string, asked: Asked, maxBytes: number): Promise<unknown> {
  return withRetries(session, async () => {
    const answer = await send(session, 'GET', address, asked);
    try {
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of answer.body()) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw new FetchError(`GET ${address}: the answer is longer than ${maxBytes} bytes.`);
        chunks.push(chunk);
      }
      return JSON.parse(Buffer.concat(chunks).toString('utf8'));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new FetchError(`GET ${address}: the answer is no JSON; is ${session.endpoint} a hub (HF_ENDPOINT)?`);
    } finally {
      await answer.close();
    }
  });
}

interface Watch {
  readonly signal: AbortSignal;
  readonly silent: boolean;
  /** Waits for the server. The time between two waits is not counted, since the caller may be busy with its disk. */
  wait<T>(promise: Promise<T>): Promise<T>;
  end(): void;
}

/** Aborts when a wait takes `stallMs`, and with the caller's signal. */
function watchSilence({ signal, stallMs }: Session): Watch {
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

function answerOf(
  response: Response,
  passed: readonly Headers[],
  foreign: boolean,
  watch: Watch,
  session: Session,
  address: string,
): Answer {
  return {
    status: response.status,
    headers: response.headers,
    foreign,
    header: (name) => passed.find((headers) => headers.has(name))?.get(name) ?? null,
    async *body() {
      const reader = response.body?.getReader();
      try {
        for (;;) {
          const read = reader && (await watch.wait(reader.read()));
          if (!read || read.done) return;
          yield read.value;
        }
      } catch (error) {
        session.signal?.throwIfAborted();
        throw broken(error, watch, session, 'GET', address, new URL(response.url || address));
      } finally {
        reader?.releaseLock();
      }
    },
    async close() {
      watch.end();
      await response.body?.cancel().catch(() => {}); // already broken
    },
  };
}

/** Throws when the address leads from https to http: the content would be open to anyone on the way. */
function resolve(location: string, from: URL, address: string): URL {
  const next = URL.canParse(location, from) ? new URL(location, from) : undefined;
  if (!next || !/^https?:$/.test(next.protocol) || (from.protocol === 'https:' && next.protocol === 'http:'))
    throw new FetchError(
      `GET ${address}: redirects from ${from.origin} to '${location}', which is not safe to follow.`,
    );
  return next;
}

function refusal(response: Response, foreign: boolean, method: string, address: string, asked: Asked): FetchError {
  const { status, headers } = response;
  // Through a proxy, and with HTTP/2, answers come without the words for their status.
  const who =
    status === 407 ? 'the proxy' : foreign ? `${new URL(response.url).host}, to which the hub redirects,` : 'the hub';
  const start =
    `${method} ${address}: ${who} answered ${status} ${response.statusText || (STATUS_CODES[status] ?? '')}`.trimEnd();
  // Signed addresses of other hosts expire; the next try gets a new one.
  if (isPassing(status) || (foreign && status === 403) || status === 416) {
    const advice = foreign ? 'Its trouble is not yours: try again later.' : adviceFor(status, null, asked);
    const error = new TransientError(`${start}. ${advice}`, { status });
    error.waitMs = retryAfterMs(headers.get('retry-after'));
    return error;
  }
  return new FetchError(`${start}. ${adviceFor(status, headers.get('x-error-code'), asked)}`, { status });
}

function retryAfterMs(text: string | null): number {
  if (text === null) return 0;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/** `url`: the final address, after redirects. */
function broken(error: unknown, watch: Watch, session: Session, method: string, address: string, url: URL): FetchError {
  if (watch.silent) return new TransientError(`${method} ${address}: nothing came for ${session.stallMs / 1000} s.`);
  const proxy = proxyFor(url);
  const { reason, advice, kind } = failureOf(error, proxy && publicPart(proxy.href));
  const message = `${method} ${address}: the connection failed: ${reason}. ${advice}`.trimEnd();
  if (kind === 'permanent') return new FetchError(message, { cause: error });
  return Object.assign(new TransientError(message, { cause: error }), { unreachable: kind === 'unreachable' });
}
