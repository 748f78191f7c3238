/** A folder behind HTTP, read by ranges; for browsers, and for any server of static files. */
import { FetchError } from '../errors.ts';
import { checkFileName, type Folder, type Source, tooShort } from './source.ts';

/** Largest file that is fetched whole from a server that knows no ranges. */
const MAX_WHOLE_BYTES = 256 << 20;

export interface HttpFolderOptions {
  /** Sent with every request, such as an Authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: typeof fetch;
}

/** `url` is that of the folder, such as https://huggingface.co/ibm-granite/granite-3.1-2b-base/resolve/main. */
export function httpFolder(url: string | URL, options: HttpFolderOptions = {}): Folder {
  const base = String(url).replace(/\/*$/, '/');
  return {
    name: base.slice(0, -1),
    open(file) {
      checkFileName(file);
      return openUrl(base + encodeURIComponent(file), options);
    },
    list: async () => [],
  };
}

async function openUrl(
  url: string,
  { headers = {}, fetch: send = fetch }: HttpFolderOptions,
): Promise<Source | undefined> {
  const request = async (init: RequestInit) => {
    const response = await send(url, init).catch((error: Error) => {
      if (init.signal?.aborted) throw error;
      throw new FetchError(`${url} cannot be reached: ${error.message}`, { cause: error });
    });
    if (response.ok || response.status === 404) return response;
    throw new FetchError(`${url} answered ${response.status} ${response.statusText}`, { status: response.status });
  };
  const head = await request({ method: 'HEAD', headers });
  if (head.status === 404) return undefined;
  const length = head.headers.get('content-length');
  // A compressed answer has another length than the file.
  const known = length !== null && head.headers.get('content-encoding') === null;
  let whole = known ? undefined : await bytesOf(url, await request({ headers }));
  const size = whole?.length ?? Number(length);
  return {
    name: url,
    size,
    async read(offset, into, signal) {
      const end = offset + into.length;
      if (end > size) throw tooShort(url, size, end);
      if (into.length === 0) return;
      if (!whole) {
        const range = { ...headers, Range: `bytes=${offset}-${end - 1}` };
        const response = await request({ headers: range, ...(signal ? { signal } : {}) });
        const bytes = await bytesOf(url, response, response.status === 206 ? into.length : size);
        if (response.status === 206) {
          into.set(bytes);
          return;
        }
        whole = bytes;
      }
      into.set(whole.subarray(offset, end));
    },
    close: async () => {
      whole = undefined;
    },
  };
}

/** The body of an answer, which must have `wanted` bytes where that is known. */
async function bytesOf(url: string, response: Response, wanted?: number): Promise<Uint8Array> {
  const announced = wanted ?? Number(response.headers.get('content-length') ?? 0);
  if (response.status !== 206 && announced > MAX_WHOLE_BYTES) {
    throw new FetchError(
      `${url} has ${announced} bytes, and its server knows no ranges (it answered 200 to a Range request). ` +
        `Use a server that does, such as the hub itself.`,
    );
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (wanted !== undefined && bytes.length !== wanted)
    throw new FetchError(`${url} sent ${bytes.length} bytes, wanted ${wanted}; try again.`);
  return bytes;
}
