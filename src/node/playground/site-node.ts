/** Answers to requests for the playground: the files of its build, and below `models/` those of the models that it offers. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { localFolder } from '../../checkpoint/folder-node.ts';
import type { Folder, Source } from '../../checkpoint/source.ts';
import { manifestOf, type OfferedModel } from './offered-node.ts';

/** Threads share memory, which browsers allow on isolated pages only. The rest of the policy is in the page. */
const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': "frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
};

/** `build`: the folder of the built page. */
export function playgroundSite(
  build: string,
  models: readonly OfferedModel[],
): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return new Response('', { status: 405, headers: { ...HEADERS, Allow: 'GET, HEAD' } });
    const parts = partsOf(new URL(request.url).pathname);
    if (!parts) return notFound();
    const [room] = parts;
    const file = parts.at(-1) as string;
    if (parts.join('/') === 'models/manifest.json') return answerOf(request, manifestOf(models));
    const name = parts.slice(1, -1).join('/');
    const folder =
      room === 'models'
        ? models.find((one) => one.name === name)?.folder
        : await folderBelow(build, parts.slice(0, -1));
    const source = folder && (await folder.open(file).catch(() => undefined));
    return source ? answerOfFile(request, source, room === 'assets') : notFound();
  };
}

/** The parts of a path; undefined when one leads elsewhere. The folder itself is its index.html. */
function partsOf(pathname: string): string[] | undefined {
  try {
    const parts = pathname.slice(1).split('/').map(decodeURIComponent);
    if (parts.at(-1) === '') parts[parts.length - 1] = 'index.html';
    return parts.every((part) => part !== '' && !part.startsWith('.') && !/[\\\0]/.test(part)) ? parts : undefined;
  } catch {
    return undefined;
  }
}

async function folderBelow(build: string, parts: readonly string[]): Promise<Folder | undefined> {
  if (parts.some((part) => part.includes('/'))) return undefined;
  const path = join(build, ...parts);
  const facts = await stat(path).catch(() => undefined);
  return facts?.isDirectory() ? localFolder(path) : undefined;
}

const notFound = () => new Response('There is no such file.\n', { status: 404, headers: HEADERS });

const answerOf = (request: Request, json: string) =>
  new Response(request.method === 'HEAD' ? null : json, {
    headers: { ...HEADERS, 'Content-Type': 'application/json', 'Cache-Control': 'no-cache' },
  });

const PIECE_BYTES = 1 << 20;

/** `isFixed`: its name changes with its content. */
async function answerOfFile(request: Request, source: Source, isFixed: boolean): Promise<Response> {
  const { size } = source;
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get('range') ?? '') ?? [];
  const start = Number(first ?? 0);
  const end = Math.min(last ? Number(last) + 1 : size, size);
  const headers: Record<string, string> = {
    ...HEADERS,
    'Content-Type': TYPES[source.name.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
    'Accept-Ranges': 'bytes',
    'Cache-Control': isFixed ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
  if (first !== undefined && start >= end) {
    await source.close();
    return new Response('', { status: 416, headers: { ...headers, 'Content-Range': `bytes */${size}` } });
  }
  headers['Content-Length'] = String(end - start);
  if (first !== undefined) headers['Content-Range'] = `bytes ${start}-${end - 1}/${size}`;
  const status = first === undefined ? 200 : 206;
  if (request.method === 'HEAD') {
    await source.close();
    return new Response(null, { status, headers });
  }
  let at = start;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at));
      if (piece.length > 0) await source.read(at, piece);
      at += piece.length;
      if (piece.length > 0) controller.enqueue(piece);
      if (at < end) return;
      await source.close();
      controller.close();
    },
    cancel: () => source.close(),
  });
  return new Response(body, { status, headers });
}
