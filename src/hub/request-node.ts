/**
 * Requests to the hub. Redirects are followed here, so that the token is never sent to other hosts. A request without data for some time is
 * aborted; temporary failures (broken connections, 429, 5xx) are retried a limited number of times.
 */
import { STATUS_CODES } from 'node:http';
import { FetchError, UsageError } from '../base/errors.ts';
import type { Asked } from './advice.ts';
import { publicPart } from './environment-node.ts';
import { failureOf } from './failures.ts';
import { fetchFor, proxyFor } from './proxy-node.ts';
import {
  bodyOf,
  refusalOf,
  requestJson,
  type Session,
  silence,
  TransientError,
  type Watch,
  watchSilence,
} from './session.ts';

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
        // Through a proxy, and with HTTP/2, answers come without the words for their status.
        const words = response.statusText || (STATUS_CODES[response.status] ?? '');
        throw refusalOf(response, words, foreign ? url.host : undefined, method, address, asked);
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
export const getJson = (session: Session, address: string, asked: Asked, maxBytes: number): Promise<unknown> =>
  requestJson(session, address, maxBytes, () => send(session, 'GET', address, asked));

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
    body: () =>
      bodyOf(response, watch, session, (error) =>
        broken(error, watch, session, 'GET', address, new URL(response.url || address)),
      ),
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

/** `url`: the final address, after redirects. */
function broken(error: unknown, watch: Watch, session: Session, method: string, address: string, url: URL): FetchError {
  if (watch.silent) return silence(method, address, session);
  const proxy = proxyFor(url);
  const { reason, advice, kind } = failureOf(error, proxy && publicPart(proxy.href));
  const message = `${method} ${address}: the connection failed: ${reason}. ${advice}`.trimEnd();
  if (kind === 'permanent') return new FetchError(message, { cause: error });
  return Object.assign(new TransientError(message, { cause: error }), { unreachable: kind === 'unreachable' });
}
