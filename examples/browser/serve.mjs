/**
 * Serves this repository to browsers: `node examples/browser/serve.mjs [--port 8080] [--not-isolated]`. Answers to ranges, and sends the
 * headers that isolate pages, without which browsers let no memory be shared between threads.
 */
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values: options } = parseArgs({
  options: { port: { type: 'string', default: '8080' }, 'not-isolated': { type: 'boolean', default: false } },
});

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** Threads need these on the page, and on the scripts of the threads. */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const server = createServer((request, response) => {
  const answer = (status, headers = {}) => response.writeHead(status, { ...always, ...headers });
  const always = options['not-isolated'] ? {} : isolation;
  if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, { Allow: 'GET, HEAD' }).end();

  const path = pathOf(request.url ?? '/');
  const stats = path && statSync(path, { throwIfNoEntry: false });
  if (!path || !stats?.isFile()) return answer(404).end();

  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = range ? Number(range[1]) : 0;
  const end = Math.min(range?.[2] ? Number(range[2]) : stats.size - 1, stats.size - 1); // inclusive
  if (range && start > end) return answer(416, { 'Content-Range': `bytes */${stats.size}` }).end();
  answer(range ? 206 : 200, {
    'Content-Type': types[extname(path)] ?? 'application/octet-stream',
    'Content-Length': end - start + 1,
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'no-cache',
    ...(range ? { 'Content-Range': `bytes ${start}-${end}/${stats.size}` } : {}),
  });
  if (request.method === 'HEAD' || stats.size === 0) return response.end();
  createReadStream(path, { start, end })
    .on('error', () => response.destroy())
    .pipe(response);
});

/** The file of a URL; undefined when it leads elsewhere, or to what is hidden. */
function pathOf(url) {
  try {
    const { pathname } = new URL(url, 'http://localhost');
    const path = fileURLToPath(
      new URL(`.${pathname.endsWith('/') ? `${pathname}index.html` : pathname}`, new URL('../../', import.meta.url)),
    );
    return path.startsWith(root) &&
      !path
        .slice(root.length)
        .split(sep)
        .some((part) => part.startsWith('.'))
      ? path
      : undefined;
  } catch {
    return undefined;
  }
}

const port = Number(options.port);
if (!Number.isInteger(port) || port < 0 || port > 65535)
  fail(`--port is '${options.port}', wanted a number from 0 to 65535.`);
server.on('error', (error) => {
  fail(error.code === 'EADDRINUSE' ? `Port ${port} is in use; choose another with --port.` : error.message);
});

function fail(message) {
  console.error(message);
  process.exit(1);
}

server.listen(port, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/examples/browser/`);
});
