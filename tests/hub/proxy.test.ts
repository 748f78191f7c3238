/** Proxies: which one the environment names for an address, and that requests to the hub go through it. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, createServer as createSocketServer, type Server as SocketServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { FetchError, UsageError } from '../../src/base/errors.ts';
import { snapshot } from '../../src/hub/hub-node.ts';
import { fetchFor, proxyFor } from '../../src/hub/proxy-node.ts';
import { COMMIT, type FakeHub, fakeHub, large, small } from './fake-hub.ts';
import { scratch } from './scratch.ts';

const folder = scratch();
const FILES = { 'config.json': small('{}'), 'tokenizer.json': small('[]'), 'model.safetensors': large(100_000) };
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const chosen = (url: string, env: Readonly<Record<string, string>>) => proxyFor(new URL(url), env)?.href;

describe('the proxy for an address', () => {
  const HUB = 'https://huggingface.co/org/name';

  test.each([
    [{}, undefined],
    [{ HTTPS_PROXY: 'http://p:1' }, 'http://p:1/'],
    [{ https_proxy: 'http://p:1' }, 'http://p:1/'],
    [{ https_proxy: 'http://low:1', HTTPS_PROXY: 'http://up:1' }, 'http://low:1/'],
    [{ HTTP_PROXY: 'http://p:1' }, undefined],
    [{ ALL_PROXY: 'http://p:1' }, 'http://p:1/'],
    [{ all_proxy: 'http://a:1', HTTPS_PROXY: 'http://p:1' }, 'http://p:1/'],
    [{ https_proxy: '', HTTPS_PROXY: 'http://p:1', ALL_PROXY: 'http://a:1' }, undefined],
    [{ HTTPS_PROXY: 'p.example:3128' }, 'http://p.example:3128/'],
    [{ HTTPS_PROXY: ' https://p:1 ' }, 'https://p:1/'],
    [{ HTTPS_PROXY: 'http://me:pass@p:1' }, 'http://me:pass@p:1/'],
    [{ ALL_PROXY: 'socks5h://p:1080' }, 'socks5://p:1080'],
    [{ HTTPS_PROXY: 'http://p:1', NO_PROXY: '' }, 'http://p:1/'],
  ])('of %j is %s', (env, wanted) => {
    expect(chosen(HUB, env)).toBe(wanted);
  });

  test('of http addresses is another; a web server cannot be made to use one by a header', () => {
    expect(chosen('http://hub/', { HTTP_PROXY: 'http://p:1' })).toBe('http://p:1/');
    expect(chosen('http://hub/', { HTTPS_PROXY: 'http://p:1' })).toBeUndefined();
    expect(chosen('http://hub/', { HTTP_PROXY: 'http://p:1', REQUEST_METHOD: 'GET' })).toBeUndefined();
  });

  test.each([
    ['https://huggingface.co/', '*'],
    ['https://huggingface.co/', 'localhost, huggingface.co'],
    ['https://huggingface.co/', 'HuggingFace.co:443'],
    ['https://cdn.huggingface.co/', 'huggingface.co'],
    ['https://cdn.huggingface.co/', '.huggingface.co'],
    ['https://cdn.huggingface.co/', '*.huggingface.co'],
    ['https://huggingface.co/', '.huggingface.co'],
    ['http://127.0.0.1:8080/', '127.0.0.1'],
    ['http://127.0.0.1:8080/', 'x 127.0.0.1:8080'],
    ['http://10.1.2.3/', '10.0.0.0/8'],
    ['http://[::1]:80/', '::1'],
    ['http://[::1]/', '[::1]:80'],
    ['http://[fd00::5]/', 'fd00::/8'],
  ])('%s needs none with NO_PROXY=%s', (url, list) => {
    expect(chosen(url, { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://p:1', NO_PROXY: list })).toBeUndefined();
    expect(chosen(url, { ALL_PROXY: 'http://p:1', no_proxy: list })).toBeUndefined();
  });

  test.each([
    ['https://huggingface.co/', 'face.co'],
    ['https://huggingface.co/', 'cdn.huggingface.co'],
    ['https://huggingface.co/', 'huggingface.co:80'],
    ['http://11.1.2.3/', '10.0.0.0/8'],
    ['http://10.1.2.3/', '10.0.0.0/99'],
    ['http://10.1.2.3/', '2.3'],
    ['http://[::1]/', '127.0.0.1'],
    ['https://huggingface.co/', ',, :,/,['],
  ])('%s has one all the same with NO_PROXY=%s', (url, list) => {
    expect(chosen(url, { ALL_PROXY: 'http://p:1', NO_PROXY: list })).toBe('http://p:1/');
  });

  test.each(['ftp://p:1', 'http://', 'http://a b', 'socks4://p:1'])(
    '%s is none, and no password is shown',
    (address) => {
      const find = () => proxyFor(new URL(HUB), { HTTPS_PROXY: address.replace('://', '://me:secret@') });
      expect(find).toThrow(UsageError);
      expect(find).toThrow(/HTTPS_PROXY/);
      expect(find).not.toThrow(/secret/);
    },
  );
});

interface Proxy {
  readonly address: string;
  /** `CONNECT host:port` of tunnels, `GET http://host/path` of requests. */
  readonly seen: string[];
  readonly auth: (string | undefined)[];
}

/** A proxy of our own: it forwards requests and opens tunnels, or refuses both with a status. */
async function proxy(refuseWith = 0): Promise<Proxy> {
  const seen: string[] = [];
  const auth: (string | undefined)[] = [];
  const note = ({ method, url, headers }: IncomingMessage) => {
    seen.push(`${method} ${url}`);
    auth.push(headers['proxy-authorization']);
  };
  const server: Server = createServer((request: IncomingMessage, response: ServerResponse) => {
    note(request);
    if (refuseWith > 0) return void response.writeHead(refuseWith).end();
    const { method, headers } = request;
    const onward = httpRequest(request.url!, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    onward.end();
  });
  server.on('connect', (request: IncomingMessage, client) => {
    note(request);
    if (refuseWith > 0) return client.end(`HTTP/1.1 ${refuseWith} No\r\n\r\n`);
    const [, port] = request.url!.split(':');
    const far = connect(Number(port), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      far.pipe(client).pipe(far);
    });
    far.on('error', () => client.destroy());
    client.on('error', () => far.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, auth };
}

async function serve(): Promise<FakeHub> {
  const hub = await fakeHub(FILES);
  closing.push(() => hub[Symbol.asyncDispose]());
  return hub;
}

const optionsFor = (endpoint: string) => ({
  ...{ endpoint, cacheDir: join(folder.path, 'hub'), stallMs: 3000, backoffMs: 1, retries: 1 },
});

describe('a download', () => {
  test('goes through the proxy, files of the other host too, with the name and password of the proxy', async () => {
    const hub = await serve();
    const { address, seen, auth } = await proxy();
    vi.stubEnv('http_proxy', address.replace('://', '://me:p%40ss@'));
    const path = await snapshot('org/model', optionsFor(hub.endpoint));
    expect(readFileSync(join(path, 'model.safetensors')).equals(FILES['model.safetensors'].content)).toBe(true);
    expect(seen.length).toBe(hub.seen.length);
    expect(seen[0]).toBe(`GET ${hub.endpoint}/api/models/org/model/revision/main`);
    expect(new Set(auth)).toEqual(new Set([`Basic ${Buffer.from('me:p@ss').toString('base64')}`]));
    for (const { headers } of hub.seen) expect(headers.authorization).toBeUndefined();
  });

  test('goes directly to hosts that NO_PROXY names, and where nothing is set', async () => {
    const hub = await serve();
    const { address, seen } = await proxy();
    vi.stubEnv('HTTP_PROXY', address);
    vi.stubEnv('NO_PROXY', '127.0.0.1');
    expect(await snapshot('org/model', optionsFor(hub.endpoint))).toContain(COMMIT);
    expect(seen).toEqual([]);
  });

  test.each([
    [407, /the proxy \S+ answered 407.*name and password/],
    [403, /answered 403 Forbidden\./],
  ])('that the proxy refuses with %i is not tried again', async (status, told) => {
    const hub = await serve();
    const { address, seen } = await proxy(status);
    vi.stubEnv('HTTP_PROXY', address.replace('://', '://me:secret@'));
    const error = await snapshot('org/model', optionsFor(hub.endpoint)).catch((error) => error);
    expect(error).toBeInstanceOf(FetchError);
    expect(error.message).toMatch(told);
    expect(`${error.message}${error.stack}`).not.toContain('secret');
    expect(seen).toHaveLength(1);
    expect(hub.seen).toEqual([]);
  });

  test('is refused without a second try where undici does not load, as in an ES module of a bundler', async () => {
    vi.doMock('undici', () => {
      throw new Error('Dynamic require of "node:assert" is not supported');
    });
    const onRetry = vi.fn();
    try {
      vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:1');
      const loading = snapshot('org/model', { ...optionsFor('http://hub.invalid'), retries: 5, onWarning: onRetry });
      const error = await loading.catch((error) => error);
      expect(error).toBeInstanceOf(UsageError);
      expect(error.message).toMatch(/undici.*does not load: .*--external:undici.*NO_PROXY/);
      expect(onRetry).not.toHaveBeenCalled();
    } finally {
      vi.doUnmock('undici');
    }
  });

  test('by https opens a tunnel; a proxy that refuses that is named, as is one that is not there', async () => {
    const failing = async (address: string) => {
      vi.stubEnv('https_proxy', address.replace('://', '://me:secret@'));
      const error = await snapshot('org/model', optionsFor('https://hub.invalid')).catch((error) => error);
      expect(error).toBeInstanceOf(FetchError);
      expect(`${error.message}`).not.toContain('secret');
      return error.message as string;
    };
    const strict = await proxy(407);
    expect(await failing(strict.address)).toMatch(/answered 407.*name and password/);
    expect(strict.seen).toEqual(['CONNECT hub.invalid:443']);
    const closed = await proxy(403);
    expect(await failing(closed.address)).toMatch(/answered 403.*NO_PROXY/);
    expect(await failing('http://127.0.0.1:9')).toMatch(/ECONNREFUSED.*through the proxy.*Is the proxy right/);
  });

  test('by https through a tunnel brings what is there, and the certificate is that of the host', async () => {
    const at = (name: string) => join(folder.path, name);
    try {
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
      const files = ['-keyout', at('key'), '-out', at('cert')];
      execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files], {
        stdio: 'ignore',
      });
    } catch {
      return; // no openssl to make a certificate with
    }
    const server = createSecureServer({ key: readFileSync(at('key')), cert: readFileSync(at('cert')) }, (_, response) =>
      response.end('secure'),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { address, seen } = await proxy();
    vi.stubEnv('https_proxy', address);
    // This certificate is of nobody whom Node trusts.
    const error = await snapshot('org/model', optionsFor(`https://localhost:${port}`)).catch((error) => error);
    expect(error.message).toMatch(/certificate.*NODE_EXTRA_CA_CERTS/i);
    expect(seen).toEqual([`CONNECT localhost:${port}`]);
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const url = new URL(`https://localhost:${port}/`);
    expect(await (await (await fetchFor(url))(url)).text()).toBe('secure');
    server.closeAllConnections();
  });

  test('goes through a SOCKS proxy, which finds the host by itself', async () => {
    const hub = await serve();
    const names: string[] = [];
    const server: SocketServer = createSocketServer((client) => {
      client.once('data', () => {
        client.write(Buffer.from([5, 0])); // no password wanted
        client.once('data', (bytes) => {
          names.push(bytes[3] === 3 ? bytes.subarray(5, 5 + bytes[4]!).toString() : 'address');
          const far = connect(bytes.readUInt16BE(bytes.length - 2), '127.0.0.1', () => {
            client.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]));
            far.pipe(client).pipe(far);
          });
          far.on('error', () => client.destroy());
        });
      });
      client.on('error', () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => server.close());
    vi.stubEnv('all_proxy', `socks5h://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const endpoint = hub.endpoint.replace('127.0.0.1', 'hub.invalid');
    const path = await snapshot('org/model', optionsFor(endpoint)).catch((error) => error);
    expect(String(path)).toContain(COMMIT);
    expect(names[0]).toBe('hub.invalid');
  });
});
