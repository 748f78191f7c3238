import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { FetchError, UsageError } from '../../src/base/errors.ts';
import { listCache } from '../../src/hub/cache-node.ts';
import { download, type HubOptions, snapshot } from '../../src/hub/hub-node.ts';
import {
  blobName,
  COMMIT,
  type FakeFile,
  type FakeHub,
  type Fault,
  fakeHub,
  large,
  refuse,
  small,
  startOf,
} from './fake-hub.ts';
import { scratch } from './scratch.ts';

const folder = scratch();
const weights = large(300_000);
const FILES = {
  'config.json': small('{"model_type":"llama"}'),
  'tokenizer.json': small('{}'),
  'model.safetensors': weights,
};
const open: FakeHub[] = [];

afterEach(async () => {
  for (const hub of open.splice(0)) await hub[Symbol.asyncDispose]();
});

async function serve(files: Record<string, FakeFile> = FILES): Promise<FakeHub> {
  const hub = await fakeHub(files);
  open.push(hub);
  return hub;
}

function optionsFor(hub: FakeHub, more: HubOptions = {}): HubOptions {
  return {
    endpoint: hub.endpoint,
    cacheDir: join(folder.path, 'hub'),
    stallMs: 300,
    backoffMs: 1,
    retries: 2,
    ...more,
  };
}

function blobs(): string[] {
  return readdirSync(join(folder.path, 'hub', 'models--org--model', 'blobs')).sort();
}

async function errorOf(promise: Promise<unknown>): Promise<Error & { status?: number }> {
  const result = await promise.then(
    () => undefined,
    (error) => error,
  );
  expect(result, 'wanted an error').toBeDefined();
  return result;
}

describe('layout', () => {
  test('a snapshot has the layout of the Python tool, and only the files that are read', async () => {
    const hub = await serve({
      ...FILES,
      'README.md': small('# hi'),
      'modeling.py': small('import os'),
      'model.gguf': large(10),
      'onnx/model.onnx': large(11),
      'original/config.json': small('x'),
      'flax_model.msgpack': large(12),
      'tf_model.h5': large(13),
      'pytorch_model.bin': large(14),
      'consolidated.safetensors': large(15),
    });
    const path = await snapshot('org/model', optionsFor(hub));
    const root = join(folder.path, 'hub', 'models--org--model');
    expect(path).toBe(join(root, 'snapshots', COMMIT));
    expect(readdirSync(path).sort()).toEqual(Object.keys(FILES).sort());
    expect(readFileSync(join(root, 'refs', 'main'), 'utf8')).toBe(COMMIT);
    expect(blobs()).toEqual(Object.values(FILES).map(blobName).sort());
    for (const [name, file] of Object.entries(FILES)) {
      expect(readlinkSync(join(path, name))).toBe(join('..', '..', 'blobs', blobName(file)));
      expect(readFileSync(join(path, name)).equals(file.content)).toBe(true);
    }
    expect(readdirSync(join(folder.path, 'hub', '.locks', 'models--org--model'))).toEqual([]);
  });

  test('one file of a folder links to its blob from there', async () => {
    const hub = await serve({ 'sub/dir/a b#.json': small('{}') });
    const path = await download('org/model', 'sub/dir/a b#.json', optionsFor(hub));
    expect(readFileSync(path, 'utf8')).toBe('{}');
    expect(readlinkSync(path)).toBe(join('..', '..', '..', '..', 'blobs', blobName(small('{}'))));
  });

  test('an empty file is a file', async () => {
    const hub = await serve({ ...FILES, 'merges.txt': small('') });
    expect(readFileSync(join(await snapshot('org/model', optionsFor(hub)), 'merges.txt'), 'utf8')).toBe('');
  });

  test('without symbolic links the snapshot has the files themselves, once', async () => {
    vi.stubEnv('HF_HUB_DISABLE_SYMLINKS', '1');
    const hub = await serve();
    const path = await snapshot('org/model', optionsFor(hub));
    expect(lstatSync(join(path, 'model.safetensors')).isFile()).toBe(true);
    expect(readFileSync(join(path, 'model.safetensors')).equals(weights.content)).toBe(true);
    expect(blobs()).toEqual([]);
  });

  test('what is there is not asked for again', async () => {
    const hub = await serve();
    const path = await snapshot('org/model', optionsFor(hub));
    hub.seen.length = 0;
    expect(await snapshot('org/model', optionsFor(hub))).toBe(path);
    expect(hub.seen.map(({ path }) => path)).toEqual(['/api/models/org/model/revision/main']);
    hub.seen.length = 0;
    await download('org/model', 'config.json', optionsFor(hub, { revision: COMMIT }));
    expect(hub.seen).toEqual([]);
  });

  test('a new commit shares the blobs that did not change', async () => {
    const hub = await serve();
    await snapshot('org/model', optionsFor(hub));
    const next = 'b'.repeat(40);
    hub.commits.set(next, { ...FILES, 'config.json': small('{"new":true}') });
    hub.refs.set('main', next);
    hub.bytesSent = 0;
    const path = await snapshot('org/model', optionsFor(hub));
    expect(path.endsWith(next)).toBe(true);
    expect(hub.bytesSent).toBe('{"new":true}'.length);
    expect(readFileSync(join(folder.path, 'hub', 'models--org--model', 'refs', 'main'), 'utf8')).toBe(next);
  });

  test('a revision with slashes is one path segment to the hub and a path below refs', async () => {
    const hub = await serve();
    hub.refs.set('refs/pr/1', COMMIT);
    await snapshot('org/model', optionsFor(hub, { revision: 'refs/pr/1' }));
    expect(hub.seen[0]!.path).toBe('/api/models/org/model/revision/refs%2Fpr%2F1');
    expect(readFileSync(join(folder.path, 'hub', 'models--org--model', 'refs', 'refs', 'pr', '1'), 'utf8')).toBe(
      COMMIT,
    );
  });

  test('without weights, config and tokenizer come', async () => {
    const hub = await serve();
    const path = await snapshot('org/model', optionsFor(hub, { weights: false }));
    expect(readdirSync(path).sort()).toEqual(['config.json', 'tokenizer.json']);
  });
});

describe('what passes is borne: the bytes are right in the end', () => {
  const half = weights.content.length / 2;
  const begin = (response: Parameters<Fault>[1], bytes: number, headers = {}) => {
    response.writeHead(200, { 'content-length': weights.content.length, ...headers });
    response.write(weights.content.subarray(0, bytes));
  };
  const faults: Record<string, Fault> = {
    'a stall before the headers': () => true,
    'a stall amid the body': (_, response) => {
      begin(response, half);
      return true;
    },
    'a connection that drops at once': (request) => {
      request.socket.destroy();
      return true;
    },
    'a connection that drops amid the body': (request, response) => {
      begin(response, half);
      setTimeout(() => request.socket.destroy(), 20);
      return true;
    },
    'a body that ends too early without a length': (_, response) => {
      response.write(weights.content.subarray(0, half));
      response.end();
      return true;
    },
    'a body that is too long': (_, response) => {
      response.end(Buffer.concat([weights.content, Buffer.from('more')]));
      return true;
    },
    'a Content-Length that is too small': (_, response) => {
      response.writeHead(200, { 'content-length': 10 }).end(weights.content.subarray(0, 10));
      return true;
    },
    'a Content-Length that is too large': (_, response) => {
      response.writeHead(200, { 'content-length': weights.content.length + 1 }).end(weights.content);
      return true;
    },
    'wrong bytes': (_, response) => {
      response.end(Buffer.alloc(weights.content.length));
      return true;
    },
    'a body in gzip': (_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(weights.content);
      return true;
    },
    'a 503': (_, response) => {
      refuse(response, 503);
      return true;
    },
    'a 429': (_, response) => {
      response.setHeader('retry-after', '0');
      refuse(response, 429);
      return true;
    },
    'a signed address that has expired': (_, response) => {
      refuse(response, 403);
      return true;
    },
    'a partial answer that was not asked for': (_, response) => {
      response.writeHead(206, { 'content-range': `bytes 5-9/${weights.content.length}` }).end('abcde');
      return true;
    },
  };

  for (const [name, fault] of Object.entries(faults)) {
    test(`${name}, once`, async () => {
      const hub = await serve();
      hub.fault = (request, response, file, n) => file.large && n === 1 && fault(request, response, file, n);
      const cacheDir = join(folder.path, 'hub');
      const path = await snapshot('org/model', optionsFor(hub, { cacheDir }));
      expect(readFileSync(join(path, 'model.safetensors')).equals(weights.content)).toBe(true);
      expect(readdirSync(join(cacheDir, 'models--org--model', 'blobs')).length).toBe(3);
    });
    test(`${name}, always: an error that says where and what to do, and no file`, async () => {
      const hub = await serve();
      hub.fault = (request, response, file, n) => file.large && fault(request, response, file, n);
      const cacheDir = join(folder.path, 'hub');
      const error = await errorOf(snapshot('org/model', optionsFor(hub, { cacheDir, stallMs: 150 })));
      expect(error).toBeInstanceOf(FetchError);
      expect(error.message).toContain(`${hub.endpoint}/org/model/resolve/${COMMIT}/model.safetensors`);
      expect(error.message).toMatch(/again|Try another/);
      expect(error.message).not.toContain('secret');
      expect(existsSync(join(cacheDir, 'models--org--model', 'snapshots', COMMIT, 'model.safetensors'))).toBe(false);
      expect(existsSync(join(cacheDir, 'models--org--model', 'refs', 'main'))).toBe(false);
    });
  }

  test('after a drop only the rest is asked for', async () => {
    const hub = await serve();
    hub.fault = (request, response, file, n) =>
      file.large && n === 1 && faults['a connection that drops amid the body']!(request, response, file, n);
    await snapshot('org/model', optionsFor(hub));
    const gets = hub.seen.filter(({ host }) => host === 'storage');
    expect(gets).toHaveLength(2);
    const [, start] = /^bytes=(\d+)-$/.exec(gets[1]!.headers.range!)!;
    expect(Number(start)).toBeGreaterThan(0);
    expect(Number(start)).toBeLessThanOrEqual(half); // a drop may swallow what was on its way
  });

  test('a server that ignores Range is read from the start', async () => {
    const hub = await serve();
    hub.fault = (request, response, file, n) => {
      if (!file.large) return false;
      if (n === 1) return faults['a connection that drops amid the body']!(request, response, file, n);
      response.writeHead(200, { 'content-length': file.content.length }).end(file.content);
      return true;
    };
    const path = await snapshot('org/model', optionsFor(hub));
    expect(readFileSync(join(path, 'model.safetensors')).equals(weights.content)).toBe(true);
  });

  test('a 416 to the rest leads to the whole', async () => {
    const hub = await serve();
    hub.fault = (request, response, file, n) => {
      if (file.large && n === 1) return faults['a connection that drops amid the body']!(request, response, file, n);
      if (startOf(request) === undefined) return false;
      refuse(response, 416);
      return true;
    };
    const path = await snapshot('org/model', optionsFor(hub));
    expect(readFileSync(join(path, 'model.safetensors')).equals(weights.content)).toBe(true);
  });

  test('a rest under another ETag is not added to what was there', async () => {
    const config = small(JSON.stringify({ pad: 'x'.repeat(5000) }));
    const hub = await serve({ ...FILES, 'config.json': config });
    hub.fault = (request, response, file, n) => {
      if (file !== config || n > 2) return false;
      if (n === 2) {
        response.writeHead(206, {
          etag: '"other"',
          'content-range': `bytes ${startOf(request)}-${config.content.length - 1}/${config.content.length}`,
        });
        response.end(Buffer.alloc(config.content.length - startOf(request)!));
        return true;
      }
      response.writeHead(200, { 'content-length': config.content.length });
      response.write(config.content.subarray(0, 1000));
      setTimeout(() => request.socket.destroy(), 20);
      return true;
    };
    const path = await snapshot('org/model', optionsFor(hub));
    expect(readFileSync(join(path, 'config.json')).equals(config.content)).toBe(true);
    const ranges = hub.seen.filter(({ method, path }) => method === 'GET' && path.endsWith('config.json'));
    expect(ranges.map(({ headers }) => [headers.range, headers['if-range']])).toEqual([
      [undefined, undefined],
      ['bytes=1000-', `"${blobName(config)}"`],
      [undefined, undefined],
    ]);
  });

  test('many drops are borne as long as each try brings much', async () => {
    const file = large(6 << 20);
    const hub = await serve({ ...FILES, 'model.safetensors': file });
    const piece = 3 << 19;
    hub.fault = (request, response, served) => {
      const start = startOf(request) ?? 0;
      if (!served.large || start + piece >= file.content.length) return false;
      response.writeHead(start > 0 ? 206 : 200, {
        'content-length': file.content.length - start,
        'content-range': `bytes ${start}-${file.content.length - 1}/${file.content.length}`,
      });
      response.write(file.content.subarray(start, start + piece), () =>
        setTimeout(() => request.socket.destroy(), 100),
      );
      return true;
    };
    const path = await snapshot('org/model', optionsFor(hub, { retries: 1 }));
    expect(readFileSync(join(path, 'model.safetensors')).equals(file.content)).toBe(true);
  });

  test.each([
    ['drops after much and knows no ranges', 1.5, true],
    ['sends too much every time', 2.5, false],
  ])('a server that %s does not keep us for ever', async (_, megabytes, drops) => {
    const file = large(2 << 20);
    const hub = await serve({ ...FILES, 'model.safetensors': file });
    hub.fault = (request, response, served) => {
      if (!served.large) return false;
      if (drops) response.setHeader('content-length', file.content.length);
      response.write(Buffer.concat([file.content, file.content]).subarray(0, megabytes * 2 ** 20));
      if (drops) setTimeout(() => request.socket.destroy(), 100);
      else response.end();
      return true;
    };
    expect(await errorOf(snapshot('org/model', optionsFor(hub)))).toBeInstanceOf(FetchError);
    expect(hub.seen.filter(({ host }) => host === 'storage').length).toBeLessThan(6);
  });

  test('a page of something on the way (a login, say) does not cost what has arrived', async () => {
    const hub = await serve();
    hub.fault = (request, response, file, n) => {
      if (!file.large || n > 2) return false;
      if (n === 1) return faults['a connection that drops amid the body']!(request, response, file, n);
      response.writeHead(200, { 'content-length': 6 }).end('log in');
      return true;
    };
    const path = await snapshot('org/model', optionsFor(hub));
    expect(readFileSync(join(path, 'model.safetensors')).equals(weights.content)).toBe(true);
    const ranges = hub.seen.filter(({ host }) => host === 'storage').map(({ headers }) => headers.range);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/), ranges[1]]); // a drop may swallow what was on its way
  });

  test('bytes that come wrong twice are an error, and nothing of them is kept', async () => {
    const hub = await serve();
    hub.fault = (_, response, file) => file.large && !!response.end(Buffer.alloc(file.content.length));
    const error = await errorOf(snapshot('org/model', optionsFor(hub)));
    expect(error).toBeInstanceOf(FetchError);
    expect(error.message).toContain('checksum');
    expect(blobs()).toEqual([blobName(FILES['config.json']), blobName(FILES['tokenizer.json'])].sort());
    expect(hub.seen.filter(({ host }) => host === 'storage').length).toBe(2);
  });
});

describe('what does not pass', () => {
  test.each([
    [401, undefined, /private.*HF_TOKEN/],
    [401, 'GatedRepo', /accept the licence at .*org\/model.*HF_TOKEN/],
    [403, 'GatedRepo', /accept the licence at .*org\/model.*HF_TOKEN/],
    [403, undefined, /accept the licence/],
    [404, 'RevisionNotFound', /no revision 'main'/],
    [404, 'EntryNotFound', /no file/],
    [404, undefined, /check/],
    [410, undefined, /HF_ENDPOINT/],
  ])('%i %s is not tried again, and its message says what to do', async (status, code, advice) => {
    const hub = await serve();
    hub.front = (_, response) => {
      refuse(response, status, code);
      return true;
    };
    for (const ask of [
      () => snapshot('org/model', optionsFor(hub)),
      () => download('org/model', 'x.json', optionsFor(hub)),
    ]) {
      hub.seen.length = 0;
      const error = await errorOf(ask());
      expect(error).toBeInstanceOf(FetchError);
      expect(error.status).toBe(status);
      expect(error.message).toMatch(advice);
      expect(error.message).toContain(hub.endpoint);
      expect(hub.seen.length).toBe(1);
    }
  });

  test('an address where nobody listens', async () => {
    const hub = await serve();
    await hub[Symbol.asyncDispose]();
    open.pop();
    const begin = performance.now();
    const error = await errorOf(snapshot('org/model', optionsFor(hub, { backoffMs: 5000 })));
    expect(performance.now() - begin).toBeLessThan(2000); // asked again, nobody would listen either
    expect(error).toBeInstanceOf(FetchError);
    expect(error.message).toContain('ECONNREFUSED');
    expect(error.message).toMatch(/offline.*HTTPS_PROXY.*the cache .* has no models/);
  });

  test('Retry-After is waited for', async () => {
    const hub = await serve();
    let first = 0;
    hub.front = (_, response) => {
      if (first > 0) return false;
      first = performance.now();
      response.setHeader('retry-after', '1');
      refuse(response, 429);
      return true;
    };
    await snapshot('org/model', optionsFor(hub));
    expect(performance.now() - first).toBeGreaterThan(950);
  });

  test.each([
    ['no JSON', 'hello'],
    ['no commit', '{"siblings":[]}'],
    ['a commit that is a path', '{"sha":"../../x","siblings":[]}'],
    ['no files', `{"sha":"${COMMIT}"}`],
    ['null', 'null'],
    ...['../x', '/etc/passwd', 'a\\b', 'a\0b', 'a//b', './a', 'C:/x', ''].map((name) => [
      JSON.stringify(name),
      JSON.stringify({ sha: COMMIT, siblings: [{ rfilename: 'config.json' }, { rfilename: name }] }),
    ]),
    ['a number for a name', `{"sha":"${COMMIT}","siblings":[{"rfilename":1},null]}`],
  ])('a listing with %s is an error before anything is written', async (_, body) => {
    const hub = await serve();
    hub.front = (_, response) => !!response.end(body);
    expect(await errorOf(snapshot('org/model', optionsFor(hub)))).toBeInstanceOf(FetchError);
    expect(existsSync(join(folder.path, 'hub'))).toBe(false);
  });

  test.each(['"../../../x"', '"a/b"', '""', '"."', 'W/".."', undefined])('ETag %s names no blob', async (etag) => {
    const hub = await serve();
    hub.front = (request, response) => {
      if (request.method !== 'HEAD') return false;
      response.writeHead(200, { 'x-repo-commit': COMMIT, ...(etag ? { etag } : {}) }).end();
      return true;
    };
    expect(await errorOf(download('org/model', 'config.json', optionsFor(hub)))).toBeInstanceOf(FetchError);
    expect(existsSync(join(folder.path, 'hub'))).toBe(false);
  });

  test.each(['-1', '1e3', 'x', undefined])('size %s is none', async (size) => {
    const hub = await serve();
    hub.front = (request, response) => {
      if (request.method !== 'HEAD') return false;
      const headers = { 'x-repo-commit': COMMIT, 'x-linked-etag': '"abc"', location: 'http://127.0.0.1:9/' };
      response.writeHead(302, { ...headers, ...(size ? { 'x-linked-size': size } : {}) }).end();
      return true;
    };
    expect((await errorOf(download('org/model', 'config.json', optionsFor(hub)))).message).toContain('no size');
  });

  test('a commit in X-Repo-Commit that is none is an error', async () => {
    const hub = await serve();
    hub.front = (request, response) => {
      if (request.method !== 'HEAD') return false;
      response.writeHead(200, { 'x-repo-commit': '../..', etag: '"abc"', 'content-length': 2 }).end();
      return true;
    };
    expect((await errorOf(download('org/model', 'config.json', optionsFor(hub)))).message).toContain('X-Repo-Commit');
  });

  test('a model without weights that can be read says what it has', async () => {
    const hub = await serve({ 'config.json': small('{}'), 'model-Q4.gguf': large(10) });
    const error = await errorOf(snapshot('org/model', optionsFor(hub)));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain('model-Q4.gguf');
  });

  test('a file larger than the disk is refused before it is begun', async () => {
    const hub = await serve();
    hub.front = (request, response) => {
      if (request.method !== 'HEAD' || !request.url!.endsWith('.safetensors')) return false;
      response.writeHead(302, {
        location: 'http://127.0.0.1:9/',
        'x-linked-etag': `"${'c'.repeat(64)}"`,
        'x-linked-size': '900000000000000',
      });
      response.end();
      return true;
    };
    const error = await errorOf(snapshot('org/model', optionsFor(hub)));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain('900000.0 GB');
    expect(error.message).toContain('HF_HUB_CACHE');
  });

  test.each(['a/b/c', '../x', 'org/..', 'org/a--b', '/abs/path', 'org\\name'])('%s is no hub id', async (id) => {
    expect(await errorOf(snapshot(id, { endpoint: 'http://127.0.0.1:9' }))).toBeInstanceOf(UsageError);
    expect(await errorOf(download(id, 'config.json', { endpoint: 'http://127.0.0.1:9' }))).toBeInstanceOf(UsageError);
  });

  test.each(['', '..', 'a/../b', '/a', 'a/', 'a\\b', 'a\0', 'refs/./x', 'a b'])(
    '%j is no revision',
    async (revision) => {
      expect(await errorOf(snapshot('org/model', { revision, endpoint: 'http://127.0.0.1:9' }))).toBeInstanceOf(
        UsageError,
      );
    },
  );

  test.each(['ftp://x', 'huggingface.co', 'https://user:pass@host', 'https://host/?x=1'])(
    '%s is no endpoint',
    async (endpoint) => {
      expect(await errorOf(snapshot('org/model', { endpoint }))).toBeInstanceOf(UsageError);
    },
  );

  test('a cache that is a file is an error that names it', async () => {
    const hub = await serve();
    writeFileSync(join(folder.path, 'hub'), '');
    const error = await errorOf(snapshot('org/model', optionsFor(hub)));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain('HF_HUB_CACHE');
  });
});

describe('the token', () => {
  const TOKEN = 'hf_topsecret';

  test('reaches the hub, and no other host', async () => {
    const hub = await serve();
    await snapshot('org/model', optionsFor(hub, { token: TOKEN }));
    const seen = (host: string) => hub.seen.filter((request) => request.host === host);
    expect(seen('hub').length).toBeGreaterThan(5);
    expect(seen('storage').length).toBe(1);
    for (const { headers } of seen('hub')) expect(headers.authorization).toBe(`Bearer ${TOKEN}`);
    for (const request of seen('storage')) expect(JSON.stringify(request)).not.toContain(TOKEN);
  });

  test('is sent after a redirect within the hub, as for a model that was renamed', async () => {
    const hub = await serve();
    hub.front = (request, response) => {
      if (!request.url!.includes('old/name')) return false;
      response.writeHead(307, { location: request.url!.replace('old/name', 'org/model') }).end();
      return true;
    };
    const path = await snapshot('old/name', optionsFor(hub, { token: TOKEN }));
    expect(readFileSync(join(path, 'model.safetensors')).equals(weights.content)).toBe(true);
    for (const { host, headers } of hub.seen) expect(!!headers.authorization).toBe(host === 'hub');
  });

  test('is dropped on the way out, and not sent when the other host leads back', async () => {
    const hub = await serve();
    const other = await serve();
    hub.front = (request, response) => {
      if (request.method !== 'GET' || !request.url!.endsWith('config.json')) return false;
      response.writeHead(302, { location: `${other.endpoint}${request.url}` }).end();
      return true;
    };
    other.front = (request, response) => {
      response.writeHead(302, { location: `${hub.endpoint}${request.url}?back` }).end();
      return true;
    };
    await snapshot('org/model', optionsFor(hub, { token: TOKEN }));
    expect(other.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    const back = hub.seen.filter(({ path }) => path.endsWith('?back'));
    expect(back.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  test('comes from HF_TOKEN, else from the file that logging in wrote; an empty one means none', async () => {
    const hub = await serve();
    const sent = async (more: HubOptions = {}) => {
      hub.seen.length = 0;
      await snapshot('org/model', optionsFor(hub, more));
      return hub.seen[0]!.headers.authorization;
    };
    expect(await sent()).toBeUndefined();
    mkdirSync(join(folder.path, 'home'));
    writeFileSync(join(folder.path, 'home', 'token'), 'from-file\n');
    expect(await sent()).toBe('Bearer from-file');
    vi.stubEnv('HF_TOKEN', 'from-env');
    expect(await sent()).toBe('Bearer from-env');
    expect(await sent({ token: 'given' })).toBe('Bearer given');
    expect(await sent({ token: '' })).toBeUndefined();
    vi.stubEnv('HF_HUB_DISABLE_IMPLICIT_TOKEN', '1');
    expect(await sent()).toBeUndefined();
  });

  test('is shown in no error, even when it cannot be sent', async () => {
    const hub = await serve();
    for (const token of [`${TOKEN}\nX: y`, TOKEN]) {
      hub.front = (_, response) => {
        refuse(response, 401);
        return true;
      };
      const error = await errorOf(snapshot('org/model', optionsFor(hub, { token })));
      expect(`${error.message}${error.stack}`).not.toContain(TOKEN);
    }
  });

  test('a redirect in a circle ends', async () => {
    const hub = await serve();
    hub.front = (request, response) => {
      response.writeHead(302, { location: request.url! }).end();
      return true;
    };
    expect((await errorOf(snapshot('org/model', optionsFor(hub)))).message).toContain('redirects');
    expect(hub.seen.length).toBeLessThan(15);
  });

  test.each(['file:///etc/passwd', 'data:text/plain,hi', 'http://'])(
    'a redirect to %s is not followed',
    async (location) => {
      const hub = await serve();
      hub.front = (_, response) => {
        response.writeHead(302, { location }).end();
        return true;
      };
      expect((await errorOf(snapshot('org/model', optionsFor(hub)))).message).toContain('not safe');
    },
  );
});

describe('stopping and going on', () => {
  test('an abort leaves a partial file, and the next run asks for the rest only', async () => {
    const hub = await serve();
    const half = weights.content.length / 2;
    hub.fault = (_, response, file, n) => {
      if (!file.large || n > 1) return false;
      response.writeHead(200, { 'content-length': file.content.length });
      response.write(file.content.subarray(0, half));
      return true;
    };
    const controller = new AbortController();
    const onProgress: HubOptions['onProgress'] = ({ file, loaded }) => {
      if (file === 'model.safetensors' && loaded > half) controller.abort();
    };
    const error = await errorOf(
      snapshot('org/model', optionsFor(hub, { signal: controller.signal, onProgress, stallMs: 5000 })),
    );
    expect(error.name).toBe('AbortError');
    expect(blobs()).toContain(`${blobName(weights)}.portmanteau.incomplete`);
    expect(readdirSync(join(folder.path, 'hub', '.locks', 'models--org--model'))).toEqual([]);
    hub.bytesSent = 0;
    await snapshot('org/model', optionsFor(hub));
    expect(hub.bytesSent).toBeLessThanOrEqual(half);
    expect(blobs().filter((name) => name.includes('incomplete'))).toEqual([]);
  });

  test('a damaged partial file is noticed and fetched anew', async () => {
    const hub = await serve();
    await download('org/model', 'config.json', optionsFor(hub));
    const partial = join(
      folder.path,
      'hub',
      'models--org--model',
      'blobs',
      `${blobName(weights)}.portmanteau.incomplete`,
    );
    for (const bytes of [100, weights.content.length, weights.content.length + 100]) {
      writeFileSync(partial, Buffer.alloc(bytes, 7));
      const cached = await snapshot('org/model', optionsFor(hub));
      expect(readFileSync(join(cached, 'model.safetensors')).equals(weights.content)).toBe(true);
      expect(blobs().length).toBe(3);
      const { removeCached } = await import('../../src/hub/cache-node.ts');
      await removeCached('org/model', { cacheDir: join(folder.path, 'hub') });
      await download('org/model', 'config.json', optionsFor(hub));
    }
  });

  test('a signal that is aborted already stops before any request', async () => {
    const hub = await serve();
    const reason = new Error('enough');
    expect(await errorOf(snapshot('org/model', optionsFor(hub, { signal: AbortSignal.abort(reason) })))).toBe(reason);
    expect(hub.seen).toEqual([]);
  });

  test('progress never falls, and ends with all there is, whatever happens on the way', async () => {
    const hub = await serve();
    hub.fault = (request, response, file, n) => {
      if (!file.large || n > 2) return false;
      if (n === 2) return !!response.end(Buffer.alloc(file.content.length)); // wrong bytes: from the start again
      response.writeHead(200, { 'content-length': file.content.length });
      response.write(file.content.subarray(0, 100_000));
      setTimeout(() => request.socket.destroy(), 20);
      return true;
    };
    const total = Object.values(FILES).reduce((sum, { content }) => sum + content.length, 0);
    for (let run = 0; run < 2; run++) {
      const reports: { loaded: number; total: number | undefined }[] = [];
      await snapshot('org/model', optionsFor(hub, { onProgress: (report) => reports.push(report) }));
      expect(reports.length).toBeGreaterThan(0);
      reports.reduce((before, report) => {
        expect(report.loaded).toBeGreaterThanOrEqual(before);
        expect(report.total).toBe(total);
        return report.loaded;
      }, 0);
      expect(reports.at(-1)!.loaded).toBe(total);
    }
  });
});

describe('without the hub', () => {
  test('offline, what is there is used, without a request; what is not there is an error that says so', async () => {
    const hub = await serve();
    const path = await snapshot('org/model', optionsFor(hub));
    hub.seen.length = 0;
    expect(await snapshot('org/model', optionsFor(hub, { offline: true }))).toBe(path);
    expect(await download('org/model', 'config.json', optionsFor(hub, { offline: true }))).toBe(
      join(path, 'config.json'),
    );
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await snapshot('org/model', optionsFor(hub))).toBe(path);
    expect(await snapshot('org/model', optionsFor(hub, { revision: COMMIT }))).toBe(path);
    for (const ask of [
      () => snapshot('org/other', optionsFor(hub)),
      () => snapshot('org/model', optionsFor(hub, { revision: 'dev' })),
      () => download('org/model', 'vocab.json', optionsFor(hub)),
    ]) {
      const error = await errorOf(ask());
      expect(error).toBeInstanceOf(UsageError);
      expect(error.message).toContain('HF_HUB_OFFLINE');
    }
    expect(hub.seen).toEqual([]);
  });

  test('offline, a snapshot that lacks a shard is not taken for whole', async () => {
    const shards = {
      'model-00001-of-00002.safetensors': large(50, 2),
      'model-00002-of-00002.safetensors': large(60, 3),
    };
    const index = small(JSON.stringify({ weight_map: { a: Object.keys(shards)[0], b: Object.keys(shards)[1] } }));
    const hub = await serve({ 'config.json': small('{}'), 'model.safetensors.index.json': index, ...shards });
    for (const file of ['config.json', 'model.safetensors.index.json', 'model-00001-of-00002.safetensors'])
      await download('org/model', file, optionsFor(hub));
    const error = await errorOf(snapshot('org/model', optionsFor(hub, { offline: true })));
    expect(error.message).toContain('model-00002-of-00002.safetensors');
    await download('org/model', 'model-00002-of-00002.safetensors', optionsFor(hub));
    await snapshot('org/model', optionsFor(hub, { offline: true }));
  });

  test('a hub that is down is replaced by the cache, with a warning; a revision that is gone is not', async () => {
    const hub = await serve();
    const path = await snapshot('org/model', optionsFor(hub));
    let status = 503;
    hub.front = (_, response) => {
      refuse(response, status);
      return true;
    };
    const warnings: string[] = [];
    const options = optionsFor(hub, { onWarning: (message) => warnings.push(message) });
    expect(await snapshot('org/model', options)).toBe(path);
    expect(await download('org/model', 'config.json', options)).toBe(join(path, 'config.json'));
    expect(warnings.length).toBe(2);
    expect(warnings[0]).toContain('503');
    status = 404;
    expect((await errorOf(snapshot('org/model', options))).status).toBe(404);
  });

  test('a download that fails leaves the branch where it was', async () => {
    const hub = await serve();
    const path = await snapshot('org/model', optionsFor(hub));
    const next = 'b'.repeat(40);
    const changed = large(1000, 9);
    hub.commits.set(next, { ...FILES, 'model.safetensors': changed });
    hub.refs.set('main', next);
    hub.fault = (_, response, file) => {
      if (file !== changed) return false;
      refuse(response, 503);
      return true;
    };
    expect(await errorOf(snapshot('org/model', optionsFor(hub)))).toBeInstanceOf(FetchError);
    expect(await snapshot('org/model', optionsFor(hub, { offline: true }))).toBe(path);
    expect((await listCache({ cacheDir: join(folder.path, 'hub') }))[0]!.revisions).toEqual([COMMIT, next]);
  });
});
