/**
 * Requests to the hub from browsers, which follow redirects by themselves and then send the token no further. A request without data for some time
 * is aborted.
 */
import { FetchError } from '../base/errors.ts';
import type { Asked } from './advice.ts';
import { authorizationOf } from './options-web.ts';
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
  readonly headers: Headers;
  /** The body, in chunks. Throws TransientError when the connection breaks or sends no data. */
  body(): AsyncGenerator<Uint8Array>;
  /** Must be called at the end, even if the body was not read. */
  close(): Promise<void>;
}

/** One GET. Throws TransientError or, when trying again is of no use, FetchError with advice. */
export async function send(
  session: Session,
  address: string,
  asked: Asked,
  extra: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const watch = watchSilence(session);
  try {
    const response = await watch.wait(
      fetch(address, {
        headers: { ...extra, ...authorizationOf(session.token) },
        cache: 'no-store', // it is stored here, once
        signal: watch.signal,
      }),
    );
    session.contact.made = true;
    const close = async () => {
      watch.end();
      await response.body?.cancel().catch(() => {}); // already broken
    };
    const { status, headers, statusText } = response;
    if (status < 400)
      return {
        ...{ status, headers, close },
        body: () => bodyOf(response, watch, session, (error) => broken(error, watch, session, address)),
      };
    await close();
    const { host, origin } = new URL(response.url || address);
    const foreign = origin === new URL(address).origin ? undefined : host;
    throw refusalOf(response, statusText, foreign, 'GET', address, asked);
  } catch (error) {
    watch.end();
    session.signal?.throwIfAborted();
    throw error instanceof FetchError ? error : broken(error, watch, session, address);
  }
}

/** Requests JSON of at most `maxBytes`; after failures that may pass, tries again. */
export const getJson = (session: Session, address: string, asked: Asked, maxBytes: number): Promise<unknown> =>
  requestJson(session, address, maxBytes, () => send(session, address, asked));

/** Browsers do not say why a connection failed. */
function broken(error: unknown, watch: Watch, session: Session, address: string): FetchError {
  if (watch.silent) return silence('GET', address, session);
  return new TransientError(
    `GET ${address}: the connection failed: ${(error as Error).message}. Is this machine offline?`,
    { cause: error },
  );
}
