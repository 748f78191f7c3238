/** A plain server of static files, as any web host is one. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
};

const ISOLATING = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

export interface FileServer {
  /** The address of the folder, with a slash at its end. */
  readonly url: string;
  /** What was asked for since the test last emptied it. */
  readonly asked: string[];
  /** Is served from now on. */
  root: string;
  close(): Promise<void>;
}

/** `path`: below which the folder lies, as `/some/path/`. */
export async function serveFiles(
  root: string,
  { path = '/', isolated = false }: { readonly path?: string; readonly isolated?: boolean } = {},
): Promise<FileServer> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://localhost');
    files.asked.push(`${request.method} ${pathname}`);
    const name = decodeURIComponent(pathname.slice(path.length)) || 'index.html';
    const bytes = pathname.startsWith(path) ? await readFile(join(files.root, name)).catch(() => undefined) : undefined;
    if (!bytes) return response.writeHead(404).end();
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const start = Number(first ?? 0);
    const end = last ? Math.min(Number(last) + 1, bytes.length) : bytes.length;
    response.writeHead(first === undefined ? 200 : 206, {
      'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
      'content-length': end - start,
      ...(first === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` }),
      ...(isolated ? ISOLATING : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : bytes.subarray(start, end));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const files: FileServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    asked: [],
    root,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return files;
}
