/** Finds out why a request had no response. Browsers hide the reason from pages, so it is inferred. */
import { FetchError } from '../base/errors.ts';
import type { Fetch } from './folder-http.ts';

/** The error for a request to `url` that had no response. `send` is called again to test whether the server can be reached. */
export async function unreachable(url: string, error: Error, send: Fetch): Promise<FetchError> {
  return new FetchError(`${url} cannot be reached: ${error.message}${await reasonIn(url, send)}`, { cause: error });
}

async function reasonIn(url: string, send: Fetch): Promise<string> {
  const page = globalThis.location as Location | undefined; // programs have none
  if (!page || !URL.canParse(url)) return '; try again.';
  const { protocol, origin, hostname } = new URL(url);
  if (page.protocol === 'file:')
    return ". This page was opened from a file, from where browsers let nothing be fetched: open it from a server, such as 'npx vite'.";
  if (globalThis.navigator?.onLine === false && !isLocal(hostname)) return '. There is no network; try again.';
  if (page.protocol === 'https:' && protocol === 'http:' && !isLocal(hostname))
    return `. A page from https: may fetch nothing from http: (mixed content): give the address of a server that speaks https.`;
  if (origin === page.origin) return '. Does the server run? Try again.';
  // An answer that the page may not read tells that the server is there.
  const answered = await send(url, { method: 'HEAD', mode: 'no-cors' }).then(
    () => true,
    () => false,
  );
  const cors =
    `its server must send the header 'Access-Control-Allow-Origin: ${page.origin}' (or *), and answer the browser's OPTIONS request where headers ` +
    'of your own are sent. Or serve the files from the origin of the page';
  if (answered) return `. The server answers, but does not let pages of ${page.origin} read it (CORS): ${cors}.`;
  return (
    `. Either the server is not there, or it does not let pages of ${page.origin} read it (CORS), or a Content-Security-Policy (connect-src) ` +
    `or an extension forbids it; the browser's console says which. Where it is CORS, ${cors}.`
  );
}

/** Browsers allow unencrypted requests to the local machine. */
const isLocal = (hostname: string): boolean => /^(localhost|.*\.localhost|127\..*|\[::1\])$/.test(hostname);
