/** A folder on an HTTP server, read by ranges; for browsers, and for any server of static files. */
import { FetchError } from '../base/errors.ts';
import { readAhead } from './read-ahead.ts';
import { checkFileName, type Folder, type Source, tooShort } from './source.ts';
import { unreachable } from './unreachable.ts';

/** Largest file that is fetched whole from a server without range requests. */
const MAX_WHOLE_BYTES = 256 << 20;

export interface HttpFolderOptions {
  /** Sent with every request, such as an Authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: Fetch;
}

/** The part of `fetch` that is used here. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/** Opens a folder. `url`: such as https://huggingface.co/ibm-granite/granite-3.1-2b-base/resolve/main. */
export function httpFolder(url: string | URL, options: HttpFolderOptions = {}): Folder {
  const base = String(url).replace(/\/*$/, '/');
  const pages: string[] = [];
  return {
    name: base.slice(0, -1),
    async open(file) {
      checkFileName(file);
      const opened = await openUrl(base + encodeURIComponent(file), options);
      if (opened !== 'page') return opened;
      pages.push(file); // for what it does not have, so this is as good as 404
      return undefined;
    },
    list: async () => [],
    hint: () => (pages.length > 0 ? pagesHint(pages) : undefined),
  };
}

/** One file on an HTTP server. Throws FetchError when it does not exist. */
export async function httpFile(url: string | URL, options: HttpFolderOptions = {}): Promise<Source> {
  const opened = await openUrl(String(url), options);
  if (opened === 'page') throw new FetchError(`${url} is no such file: ${pagesHint([String(url)])}.`);
  if (!opened) throw new FetchError(`${url} answered 404: there is no such file; check the address.`, { status: 404 });
  return opened;
}

const pagesHint = (files: readonly string[]) =>
  `its server answered with an HTML page (asked for ${files.join(', ')}), as servers of single-page applications do for what they do not have, ` +
  'and others for what wants a login. Check that this is the address of the folder, and that its files lie where the server finds them (Vite: public/)';

/** Throws FetchError on any answer but 2xx and those of `tolerated`. */
type Request = (init: RequestInit, tolerated?: readonly number[]) => Promise<Response>;

async function openUrl(
  url: string,
  { headers = {}, fetch: send = fetch }: HttpFolderOptions,
): Promise<Source | 'page' | undefined> {
  const request: Request = async (init, tolerated = []) => {
    const response = await send(url, { ...init, headers: { ...headers, ...init.headers } }).catch(
      async (error: Error) => {
        throw init.signal?.aborted ? error : await unreachable(url, error, send);
      },
    );
    if (response.ok || tolerated.includes(response.status)) return response;
    await dismiss(response);
    throw refused(url, response);
  };
  const found = await measure(url, request);
  if (!found || found === 'page') return found;
  const { size } = found;
  let { whole } = found;
  let tag: string | null = null;
  return readAhead({
    name: url,
    size,
    async read(offset, into, signal) {
      signal?.throwIfAborted();
      const end = offset + into.length;
      if (end > size) throw tooShort(url, size, end);
      if (into.length === 0) return;
      if (!whole) {
        const response = await request({ headers: { Range: `bytes=${offset}-${end - 1}` }, ...(signal && { signal }) });
        if (response.status === 206) {
          tag ??= response.headers.get('etag');
          if (isOther(response, tag, size)) {
            await dismiss(response);
            throw new FetchError(`${url} has changed on its server while it was read: load it again.`);
          }
          into.set(await bytesOf(url, response, into.length, signal));
          return;
        }
        whole = await wholeOf(url, response, size, signal);
      }
      into.set(whole.subarray(offset, end));
    },
    close: async () => {
      whole = undefined;
    },
  });
}

/** Is this a part of another file than the one that was begun, by what the server lets a page see? */
function isOther({ headers }: Response, tag: string | null, size: number): boolean {
  const total = /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1];
  return (headers.get('etag') ?? tag) !== tag || (total !== undefined && Number(total) !== size);
}

/** Statuses of servers, and of signed addresses, that allow only GET. */
const NO_HEAD = [400, 403, 405, 501];

/**
 * The size of a file, and its bytes when they had to be fetched to find it; undefined when there is none; `page` when the server sends an
 * HTML page instead.
 */
async function measure(
  url: string,
  request: Request,
): Promise<{ size: number; whole?: Uint8Array } | 'page' | undefined> {
  const head = await request({ method: 'HEAD' }, [404, ...NO_HEAD]);
  if (head.status === 404) return undefined;
  if (head.ok && (await isPage(head, request))) return 'page';
  const length = head.headers.get('content-length');
  // A compressed answer has another length than the file.
  if (head.ok && length !== null && head.headers.get('content-encoding') === null) return { size: Number(length) };
  const first = await request({ headers: { Range: 'bytes=0-0' } }, [404, 416]);
  if (first.status === 404 || first.status === 416) {
    await dismiss(first);
    return first.status === 404 ? undefined : { size: 0 }; // only of an empty file is there no first byte
  }
  if (!head.ok && (await isPage(first, request))) {
    await dismiss(first);
    return 'page';
  }
  const total = /^bytes 0-0\/(\d+)$/.exec(first.headers.get('content-range') ?? '')?.[1];
  if (first.status === 206 && total !== undefined) {
    await dismiss(first);
    return { size: Number(total) };
  }
  if (first.status === 206) await dismiss(first);
  const whole = await wholeOf(url, first.status === 206 ? await request({}) : first);
  return { size: whole.length, whole };
}

/** All bytes of a file. Throws when there are too many, before all are received. */
async function wholeOf(url: string, response: Response, size?: number, signal?: AbortSignal): Promise<Uint8Array> {
  const announced = size ?? Number(response.headers.get('content-length') ?? 0);
  if (announced <= MAX_WHOLE_BYTES) return bytesOf(url, response, size, signal);
  await dismiss(response);
  throw tooLarge(url, `${announced} bytes`);
}

const tooLarge = (url: string, much: string) =>
  new FetchError(
    `${url} has ${much}, and its server knows no ranges (it answered 200 to a Range request). ` +
      `Use a server that does, such as the hub itself.`,
  );

/** The error for a response with an error status, with advice. */
function refused(url: string, { status, statusText }: Response): FetchError {
  const advice = {
    401: NOT_ALLOWED,
    403: NOT_ALLOWED,
    404: 'There is no such file: check the address.',
    429: 'The server has had too many requests: try again later.',
  }[status];
  return new FetchError(`${url} answered ${status} ${statusText}${advice ? `. ${advice}` : ''}`, { status });
}

const NOT_ALLOWED =
  'The files are private, gated, or (on the hub) not there: check the name, or send an access token: ' +
  "httpFolder(url, { headers: { Authorization: 'Bearer ...' } }).";

/** How HTML pages begin. */
const PAGE = /^\uFEFF?\s*<(!doctype\s|!--|html|head|body|meta|title|script)/i;
const PAGE_START_BYTES = 1024;

/** Is a response an HTML page? Some servers give every file the type HTML, so the text must begin as a page. */
async function isPage(answer: Response, request: Request): Promise<boolean> {
  if (!/html/i.test(answer.headers.get('content-type') ?? '')) return false;
  const response = await request({ headers: { Range: `bytes=0-${PAGE_START_BYTES - 1}` } }, [404, 416]);
  const reader = response.ok ? response.body?.getReader() : undefined;
  const decoder = new TextDecoder();
  let text = '';
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    text += decoder.decode(next.value, { stream: true });
    if (text.length >= PAGE_START_BYTES) break;
  }
  await (reader ? reader.cancel().catch(() => {}) : dismiss(response));
  return PAGE.test(text);
}

/** Cancels the rest of a response, to free its connection. */
const dismiss = (response: Response) => response.body?.cancel().catch(() => {});

/** The body of a response; throws unless it has `wanted` bytes, if given. */
async function bytesOf(url: string, response: Response, wanted?: number, signal?: AbortSignal): Promise<Uint8Array> {
  const limit = wanted ?? MAX_WHOLE_BYTES;
  const pieces: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  try {
    for (let next = await reader?.read(); next && !next.done && length <= limit; next = await reader?.read()) {
      pieces.push(next.value);
      length += next.value.length;
    }
  } catch (error) {
    throw signal?.aborted
      ? error
      : new FetchError(`${url} broke off: ${(error as Error).message}; try again.`, { cause: error });
  }
  if (length > limit) await reader?.cancel().catch(() => {});
  if (wanted === undefined && length > limit) throw tooLarge(url, `more than ${limit} bytes`);
  if (wanted !== undefined && length !== wanted) {
    const sent = length > wanted ? `more than ${wanted}` : `${length}`;
    throw new FetchError(`${url} sent ${sent} bytes, wanted ${wanted}; try again.`);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
