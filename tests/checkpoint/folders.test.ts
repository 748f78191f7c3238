/** Laws of folders on disk, in memory and behind HTTP: the same file reads the same from everywhere, and failures say what to do. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CheckpointError, FetchError } from '../../src/base/errors.ts';
import { httpFolder } from '../../src/checkpoint/folder-http.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import type { Folder, Source } from '../../src/checkpoint/source.ts';

const CONTENT = Uint8Array.from({ length: 1000 }, (_, i) => (i * i) & 255);
const FILE = 'a b+c.bin';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let disk: string;
let server: Server;
let answer: Answer;
let asked: string[];
let url: string;

beforeEach(async () => {
  disk = mkdtempSync(join(tmpdir(), 'portmanteau-folders-'));
  writeFileSync(join(disk, FILE), CONTENT);
  asked = [];
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.headers.range ?? ''}`.trim());
    answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/x`;
});

afterEach(async () => {
  rmSync(disk, { recursive: true });
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

/** A server of static files, as most are. Its habits can be changed. */
const statics =
  ({ content = CONTENT, ranges = true, head = true, length = true, gzip = false, file = FILE } = {}): Answer =>
  (request, response) => {
    if (request.url !== `/models/x/${encodeURIComponent(file)}`) return void response.writeHead(404).end('not here');
    if (request.method === 'HEAD' && !head) return void response.writeHead(405).end();
    const range = ranges ? /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') : null;
    if (range) {
      const [from, to] = [Number(range[1]), Math.min(Number(range[2]) + 1, content.length)];
      if (from >= content.length) {
        return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
      }
      const headers = { 'content-range': `bytes ${from}-${to - 1}/${content.length}`, 'content-length': to - from };
      return void response.writeHead(206, headers).end(content.subarray(from, to));
    }
    const body = gzip ? gzipSync(content) : content;
    if (gzip) response.setHeader('content-encoding', 'gzip');
    if (length) response.setHeader('content-length', body.length);
    response.writeHead(200);
    if (!length && request.method === 'GET') response.write(body.subarray(0, 10)); // so that it is sent in chunks
    response.end(request.method === 'HEAD' ? undefined : body.subarray(!length ? 10 : 0));
  };

async function openFile(folder: Folder, file = FILE): Promise<Source> {
  const source = await folder.open(file);
  if (!source) throw new Error(`${file} is not there`);
  return source;
}

async function expectContent(source: Source, content = CONTENT): Promise<void> {
  expect(source.size).toBe(content.length);
  for (const [from, to] of [
    [0, content.length],
    [0, 1],
    [content.length - 1, content.length],
    [123, 456],
    [77, 77],
  ] as const) {
    const into = new Uint8Array(Math.max(0, to - from));
    await source.read(Math.max(0, from), into);
    expect(into).toEqual(content.slice(from, to));
  }
}

describe.each<[string, () => Folder]>([
  ['disk', () => localFolder(disk)],
  ['memory', () => memoryFolder(new Map([[FILE, CONTENT]]))],
  ['a Blob', () => memoryFolder(new Map([[FILE, new Blob([CONTENT])]]))],
  ['a server', () => httpFolder(url)],
  ['a server without ranges', () => httpFolder(`${url}/`)],
])('%s', (kind, folder) => {
  beforeEach(() => {
    answer = statics({ ranges: kind !== 'a server without ranges' });
  });

  test('gives every part of a file', async () => {
    const source = await openFile(folder());
    await expectContent(source);
    await source.close();
  });

  test('has no file that is not there', async () => {
    expect(await folder().open('other.bin')).toBeUndefined();
  });

  test('gives nothing beyond the end', async () => {
    const source = await openFile(folder());
    await expect(source.read(999, new Uint8Array(2))).rejects.toThrow(CheckpointError);
    await expect(source.read(2000, new Uint8Array(1))).rejects.toThrow(CheckpointError);
    await source.close();
  });

  test('leads nowhere else', async () => {
    for (const name of ['../a', 'a/b', '', '.', '..', '%2e%2e/a', 'a?b', 'a#b']) {
      await expect(folder().open(name), name).rejects.toThrow(CheckpointError);
    }
  });

  test('stops when it is told to', async () => {
    const source = await openFile(folder());
    await expect(source.read(0, new Uint8Array(9), AbortSignal.abort())).rejects.toThrow('aborted');
    await source.close();
  });
});

describe('on disk', () => {
  test('a folder in the place of a file is refused', async () => {
    mkdirSync(join(disk, 'model.safetensors'));
    await expect(localFolder(disk).open('model.safetensors')).rejects.toThrow(CheckpointError);
  });

  test('a folder that does not exist, or is a file, has nothing', async () => {
    for (const path of [join(disk, 'missing'), join(disk, FILE)]) {
      expect(await localFolder(path).open('config.json')).toBeUndefined();
      expect(await localFolder(path).list()).toEqual([]);
    }
  });

  test('a file that becomes shorter while it is read is refused', async () => {
    const source = await openFile(localFolder(disk));
    truncateSync(join(disk, FILE), 10);
    await expect(source.read(0, new Uint8Array(20))).rejects.toThrow(CheckpointError);
    await source.close();
  });

  test('names are listed in order', async () => {
    writeFileSync(join(disk, 'Z'), '');
    writeFileSync(join(disk, '0'), '');
    expect(await localFolder(disk).list()).toEqual(['0', 'Z', FILE]);
  });
});

describe('behind HTTP', () => {
  const read = async () => {
    const source = await openFile(httpFolder(url));
    const into = new Uint8Array(source.size);
    await source.read(0, into);
    return into;
  };

  test('only what is wanted is asked for', async () => {
    answer = statics();
    const source = await openFile(httpFolder(url));
    await source.read(5, new Uint8Array(3));
    await source.read(5, new Uint8Array(0));
    expect(asked).toEqual(['HEAD', 'GET bytes=5-999']);
  });

  test('a server without ranges is asked for a file only once', async () => {
    answer = statics({ ranges: false });
    await expectContent(await openFile(httpFolder(url)));
    expect(asked).toEqual(['HEAD', 'GET bytes=0-999']);
  });

  test.each([405, 501, 403])('a server that answers HEAD with %i is asked for one byte', async (status) => {
    const usual = statics();
    answer = (request, response) => {
      if (request.method === 'HEAD') response.writeHead(status).end();
      else usual(request, response);
    };
    await expectContent(await openFile(httpFolder(url)));
    expect(asked.slice(0, 2)).toEqual(['HEAD', 'GET bytes=0-0']);
    expect(await httpFolder(url).open('other.bin')).toBeUndefined();
  });

  test.each<[string, Parameters<typeof statics>[0]]>([
    ['no HEAD and no ranges', { head: false, ranges: false }],
    ['no HEAD, no ranges and no length', { head: false, ranges: false, length: false }],
    ['no length', { length: false }],
    ['no length and no ranges', { length: false, ranges: false }],
    ['compression', { gzip: true }],
    ['compression and no ranges', { gzip: true, ranges: false }],
    ['compression, no ranges and no length', { gzip: true, ranges: false, length: false }],
  ])('a server with %s gives the same bytes', async (_, habits) => {
    answer = statics(habits);
    await expectContent(await openFile(httpFolder(url)));
  });

  test.each([{}, { head: false }, { head: false, ranges: false }, { length: false }])(
    'an empty file is empty with %j',
    async (habits) => {
      answer = statics({ ...habits, content: new Uint8Array(0) });
      expect((await openFile(httpFolder(url))).size).toBe(0);
    },
  );

  test('redirects are followed', async () => {
    const usual = statics();
    answer = (request, response) => {
      if (request.url?.startsWith('/moved/')) {
        request.url = request.url.replace('/moved/', '/models/');
        usual(request, response);
      } else {
        response.writeHead(302, { location: request.url?.replace('/models/', '/moved/') }).end();
      }
    };
    await expectContent(await openFile(httpFolder(url)));
  });

  test('the headers of the caller go with every request', async () => {
    const tokens: unknown[] = [];
    const usual = statics({ head: false });
    answer = (request, response) => {
      tokens.push(request.headers.authorization);
      usual(request, response);
    };
    await expectContent(await openFile(httpFolder(url, { headers: { authorization: 'Bearer x' } })));
    expect(new Set(tokens)).toEqual(new Set(['Bearer x']));
  });

  test.each([500, 401, 429])('an answer of %i is a FetchError with the status', async (status) => {
    answer = (_, response) => response.writeHead(status).end('no');
    await expect(httpFolder(url).open(FILE)).rejects.toMatchObject({ name: 'FetchError', status });
  });

  test('a refusal of HEAD and GET alike has the status of the refusal', async () => {
    answer = (_, response) => response.writeHead(403).end('gated');
    await expect(httpFolder(url).open(FILE)).rejects.toMatchObject({ name: 'FetchError', status: 403 });
  });

  test.each([404, 500])('an answer of %i to a later read is a FetchError, never bytes', async (status) => {
    const usual = statics();
    answer = (request, response) => {
      if (request.method === 'HEAD') usual(request, response);
      else response.writeHead(status).end(CONTENT); // as long as the file itself
    };
    await expect(read()).rejects.toMatchObject({ name: 'FetchError', status });
  });

  test.each([
    ['too few', 900],
    ['too many', 1100],
  ])('%s bytes in a range are a FetchError', async (_, count) => {
    const usual = statics();
    answer = (request, response) => {
      if (request.method === 'HEAD') usual(request, response);
      else response.writeHead(206).end(new Uint8Array(count));
    };
    await expect(read()).rejects.toThrow(FetchError);
  });

  test('a whole file of another length than announced is a FetchError', async () => {
    const usual = statics();
    answer = (request, response) => {
      if (request.method === 'HEAD') usual(request, response);
      else response.writeHead(200).end(new Uint8Array(999));
    };
    await expect(read()).rejects.toThrow(FetchError);
  });

  test('a connection that breaks is a FetchError', async () => {
    const usual = statics();
    answer = (request, response) => {
      if (request.method === 'HEAD') return usual(request, response);
      response.writeHead(206, { 'content-length': 1000 });
      response.write(CONTENT.subarray(0, 100), () => response.destroy());
    };
    await expect(read()).rejects.toThrow(FetchError);
    answer = (request) => request.socket.destroy();
    await expect(read()).rejects.toThrow(FetchError);
  });

  test('a large file on a server without ranges is refused before it comes', async () => {
    let sent = 0;
    answer = (request, response) => {
      response.writeHead(200, { 'content-length': 2 ** 40 });
      if (request.method === 'HEAD') return void response.end();
      const more = () => {
        sent += 65536;
        if (!response.destroyed && sent < 2 ** 28) response.write(new Uint8Array(65536), more);
      };
      more();
    };
    const source = await openFile(httpFolder(url));
    expect(source.size).toBe(2 ** 40);
    await expect(source.read(0, new Uint8Array(8))).rejects.toThrow(/ranges/);
    expect(sent).toBeLessThan(2 ** 26);
  });

  test.each([
    ['the same length, another ETag', 1 << 20, ['"a"', '"b"']],
    ['another length, no ETag', (1 << 20) + 1, [undefined, undefined]],
  ])('parts of a file that has changed meanwhile (%s) are never put together', async (_, bytes, tags) => {
    const [before, after] = [new Uint8Array(1 << 20).fill(1), new Uint8Array(bytes).fill(2)];
    const serve =
      (content: Uint8Array<ArrayBuffer>, tag: string | undefined): Answer =>
      (request, response) => {
        if (tag) response.setHeader('etag', tag);
        statics({ content })(request, response);
      };
    answer = serve(before, tags[0]);
    const source = await openFile(httpFolder(url));
    const part = new Uint8Array(8);
    await source.read(0, part);
    expect(part[7]).toBe(1);
    answer = serve(after, tags[1]);
    await expect(source.read(1_000_000, part)).rejects.toThrow(
      /has changed on its server while it was read: load it again/,
    );
  });

  test('a read is aborted while its bytes come', async () => {
    const usual = statics();
    const stop = new AbortController();
    answer = (request, response) => {
      if (request.method === 'HEAD') return usual(request, response);
      response.writeHead(206, { 'content-length': 1000 });
      response.write(CONTENT.subarray(0, 100), () => setTimeout(() => stop.abort(), 20));
    };
    const source = await openFile(httpFolder(url));
    await expect(source.read(0, new Uint8Array(1000), stop.signal)).rejects.toMatchObject({ name: 'AbortError' });
  });
});
