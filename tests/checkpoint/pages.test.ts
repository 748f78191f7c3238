/** Laws of folders behind servers that answer with pages, and of requests without an answer: messages name the cause and what mends it. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { httpFolder } from '../../src/checkpoint/folder-http.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { readJson } from '../../src/checkpoint/source.ts';
import { openModel } from '../../src/loader/open.ts';
import { fromPretrained } from '../../src/web.ts';

const golden = fileURLToPath(new URL('../golden/mamba-formula/', import.meta.url));
const PAGE = '<!doctype html>\n<html><head><title>App</title></head><body></body></html>\n';

let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
beforeEach(async () => {
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/x`;
});
afterEach(async () => {
  vi.unstubAllGlobals();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

interface Habits {
  readonly page?: string;
  readonly type?: string;
  readonly head?: boolean;
  readonly length?: boolean;
  readonly ranges?: boolean;
  /** Of the files that are there. */
  readonly fileType?: string;
}

/** Serves the golden's files, and a page for all else. */
function singlePageApplication(habits: Habits = {}): void {
  const { page = PAGE, type = 'text/html; charset=utf-8', head = true, length = true, ranges = false } = habits;
  answer = (request, response) => {
    if (request.method === 'HEAD' && !head) return void response.writeHead(405).end();
    const file = golden + (request.url ?? '').replace('/models/x/', '');
    const isThere = existsSync(file) && request.url !== '/models/x/';
    const body = isThere ? readFileSync(file) : Buffer.from(page);
    const given = isThere ? habits.fileType : type;
    if (given) response.setHeader('content-type', given);
    const [, from, to] = (ranges ? /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') : undefined) ?? [];
    const part = from === undefined ? body : body.subarray(Number(from), Number(to) + 1);
    if (from !== undefined)
      response.setHeader('content-range', `bytes ${from}-${Number(from) + part.length - 1}/${body.length}`);
    if (length) response.setHeader('content-length', part.length);
    response.writeHead(from === undefined ? 200 : 206);
    if (request.method === 'HEAD') return void response.end();
    if (!length) response.write(part.subarray(0, 3)); // so that it is sent in chunks
    response.end(part.subarray(length ? 0 : 3));
  };
}

const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => '',
    ({ name, message }: Error) => `${name}: ${message}`,
  );

describe('a server that answers with its page where it has no file', () => {
  const all: [string, Habits][] = [
    ['as most do', {}],
    ['without HEAD', { head: false }],
    ['with ranges', { ranges: true }],
    ['with ranges, without HEAD', { ranges: true, head: false }],
    ['in chunks', { length: false }],
    ['in chunks, without HEAD', { length: false, head: false }],
    ['that begins with a comment', { page: `<!-- ${'of the authors '.repeat(200)} -->${PAGE}` }],
    ['that begins with spaces and a mark', { page: `\uFEFF\n  ${PAGE}` }],
    ['as XHTML', { page: PAGE.replace('<!doctype html>\n', ''), type: 'application/xhtml+xml' }],
  ];

  test.each(all)('has a model if its files are there (%s)', async (_, habits) => {
    singlePageApplication(habits);
    const { tokenizer, checkpoint } = await openModel(httpFolder(url));
    expect(tokenizer).toBeUndefined();
    await checkpoint.close();
  });

  test.each(all)('is named where there is no model, with what to do (%s)', async (_, habits) => {
    singlePageApplication(habits);
    const message = await messageOf(openModel(httpFolder(url.replace('/models/', '/elsewhere/'))));
    expect(message).toMatch(/elsewhere\/x has no config\.json: its server answered with an HTML page .*public\//);
    expect(message).not.toMatch(/no JSON|fetch it again/i);
  });

  test('is named where there is a config.json but no weights', async () => {
    singlePageApplication();
    const usual = answer;
    answer = (request, response) => {
      if (request.url?.endsWith('model.safetensors')) request.url = '/models/x/none';
      usual(request, response);
    };
    expect(await messageOf(openModel(httpFolder(url)))).toMatch(/has no weights.*HTML page .*model\.safetensors/);
  });

  test('a server that calls every file HTML is read as any other', async () => {
    singlePageApplication({ fileType: 'text/html' });
    const { checkpoint } = await openModel(httpFolder(url));
    await checkpoint.close();
  });

  test('a page that says it is something else is still called a page', async () => {
    singlePageApplication({ type: 'application/json' });
    const message = await messageOf(openModel(httpFolder(url.replace('/models/', '/elsewhere/'))));
    expect(message).toMatch(/config\.json is a web page, not the file/);
  });

  test('so is a page that somebody saved as a file', async () => {
    const folder = memoryFolder(new Map([['config.json', new TextEncoder().encode(PAGE)]]));
    const message = await messageOf(readJson(folder, 'config.json', 1e6));
    expect(message).toMatch(/config\.json is a web page, not the file: .*\/resolve\//);
    expect(message).not.toMatch(/fetch it again/i);
  });
});

describe('refusals', () => {
  test.each<[number, RegExp]>([
    [401, /access token/],
    [403, /access token/],
    [429, /later/],
    [500, /answered 500/],
  ])('%i says what helps', async (status, wanted) => {
    answer = (_, response) => response.writeHead(status).end();
    expect(await messageOf(httpFolder(url).open('config.json'))).toMatch(wanted);
  });

  test.each([401, 404])(
    'a hub id that the hub answers with %i may have meant a folder of the server',
    async (status) => {
      vi.stubGlobal('fetch', async () => new Response(null, { status }));
      const message = await messageOf(fromPretrained('models/granite-tiny'));
      expect(message).toContain('huggingface.co/models/granite-tiny');
      expect(message).toContain("'./models/granite-tiny'");
    },
  );

  test('what is no address is refused before anything is asked for', async () => {
    expect(await messageOf(fromPretrained('granite-tiny'))).toMatch(/^UsageError: 'granite-tiny' is no address/);
  });
});

describe('a request without an answer', () => {
  /** What `open` says on a page of that address; `noCors` is what becomes of the question whether the server is there. */
  async function failed(
    page: string | undefined,
    address: string,
    noCors: 'answers' | 'fails' = 'fails',
    onLine = true,
  ) {
    vi.stubGlobal('location', page && new URL(page));
    vi.stubGlobal('navigator', { onLine });
    const send = async (_: unknown, init?: RequestInit) => {
      if (init?.mode === 'no-cors' && noCors === 'answers') return new Response();
      throw new TypeError('Failed to fetch');
    };
    return messageOf(httpFolder(address, { fetch: send as typeof fetch }).open('config.json'));
  }

  test.each<[string, RegExp, Parameters<typeof failed>]>([
    ['in a program may be tried again', /Failed to fetch; try again\.$/, [undefined, 'https://a.example/m']],
    [
      'on the server of the page asks whether that runs',
      /Does the server run\?/,
      ['http://localhost:5173/', 'http://localhost:5173/m'],
    ],
    [
      'to a server that is there is for want of CORS',
      /The server answers.*\(CORS\).*'Access-Control-Allow-Origin: https:\/\/p\.example'/,
      ['https://p.example/a', 'https://m.example/m', 'answers'],
    ],
    [
      'to a server that may not be there says what it can be',
      /Either.*CORS.*Content-Security-Policy \(connect-src\)/,
      ['https://p.example/a', 'https://m.example/m'],
    ],
    ['from https to http is mixed content', /mixed content/, ['https://p.example/a', 'http://m.example/m', 'answers']],
    [
      'from a page that is a file wants a server',
      /opened from a file/,
      ['file:///home/me/page.html', 'https://m.example/m'],
    ],
    ['without network says so', /no network/, ['https://p.example/a', 'https://m.example/m', 'fails', false]],
  ])('%s', async (_, wanted, args) => {
    const message = await failed(...args);
    expect(message).toMatch(/^FetchError: \S+\/m\/config\.json cannot be reached/);
    expect(message).toMatch(wanted);
  });

  test('from https to the machine itself is not mixed content', async () => {
    expect(await failed('https://p.example/a', 'http://localhost:8080/m', 'answers')).toMatch(/CORS/);
  });
});

test('the name of a shipped model on a page is told to be read as a folder, for the web has none', async () => {
  singlePageApplication();
  vi.stubGlobal('location', new URL('page.html', url));
  for (const page of [true, false]) {
    if (!page) answer = (_, response) => response.writeHead(404).end();
    const loading = fromPretrained('granite-tiny');
    await expect(loading).rejects.toThrow(
      /granite-tiny has no config.json: 'granite-tiny' was read as a folder beside this page; the package ships no models to browsers.*folder/,
    );
    if (page) await expect(loading).rejects.toThrow(/answered with an HTML page/);
  }
});
