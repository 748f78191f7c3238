/** A hub of our own on this machine: an API, files, and a second host for large files that must never see the token. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeFile {
  readonly content: Buffer;
  /** Whether it lies on the second host, under its SHA-256. */
  readonly large: boolean;
}

export interface Seen {
  readonly host: 'hub' | 'storage';
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

/** Answers in place of the hub when it returns true. `n` counts the GETs of this file's bytes, from 1. */
export type Fault = (request: IncomingMessage, response: ServerResponse, file: FakeFile, n: number) => boolean;

export interface FakeHub extends AsyncDisposable {
  readonly endpoint: string;
  readonly seen: Seen[];
  readonly repo: string;
  /** commit -> name -> file */
  readonly commits: Map<string, Record<string, FakeFile>>;
  /** branch -> commit */
  readonly refs: Map<string, string>;
  fault: Fault | undefined;
  /** Before anything else; true when it has answered. */
  front: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  bytesSent: number;
}

export const COMMIT = 'a'.repeat(40);

export function small(text: string): FakeFile {
  return { content: Buffer.from(text), large: false };
}

/** Bytes that differ from place to place, so that a piece in the wrong place shows. */
export function large(bytes: number, seed = 1): FakeFile {
  const content = Buffer.alloc(bytes);
  let state = seed;
  for (let i = 0; i < bytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    content[i] = state >>> 24;
  }
  return { content, large: true };
}

export function blobName({ content, large }: FakeFile): string {
  if (large) return createHash('sha256').update(content).digest('hex');
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

export async function fakeHub(files: Record<string, FakeFile>, repo = 'org/model'): Promise<FakeHub> {
  const counts = new Map<string, number>();
  const storage = createServer((request, response) => {
    note('storage', request);
    const name = request.url!.split('/')[2]!.split('?')[0]!;
    for (const commit of hub.commits.values())
      for (const file of Object.values(commit)) if (blobName(file) === name) return sendFile(request, response, file);
    response.writeHead(404).end();
  });
  const main = createServer((request, response) => {
    note('hub', request);
    if (hub.front?.(request, response)) return;
    const api = /^\/api\/models\/([^/]+(?:\/[^/]+)?)\/revision\/([^/?]+)$/.exec(request.url!);
    const resolve = /^\/([^/]+(?:\/[^/]+)?)\/resolve\/([^/]+)\/([^?]+)/.exec(request.url!);
    // Old ids without an organisation lead to where the model is now.
    const old = (api ?? resolve)?.[1];
    if (old !== undefined && old === repo.split('/')[1]) {
      response.setHeader('location', request.url!.replace(`/${old}/`, `/${repo}/`));
      return void response.writeHead(307).end();
    }
    const revision = decodeURIComponent((api ?? resolve)?.[2] ?? '');
    const commit = hub.refs.get(revision) ?? revision;
    const listing = hub.commits.get(commit);
    if ((api ?? resolve)?.[1] !== repo) return refuse(response, 401, 'RepoNotFound');
    if (!listing) return refuse(response, 404, 'RevisionNotFound');
    if (api) {
      const siblings = Object.keys(listing).map((rfilename) => ({ rfilename }));
      return void response.setHeader('content-type', 'application/json').end(JSON.stringify({ sha: commit, siblings }));
    }
    const file = listing[decodeURIComponent(resolve![3]!)];
    if (!file) return refuse(response, 404, 'EntryNotFound');
    response.setHeader('x-repo-commit', commit);
    if (!file.large) return sendFile(request, response, file);
    response.setHeader('x-linked-etag', `"${blobName(file)}"`);
    response.setHeader('x-linked-size', file.content.length);
    response.setHeader('location', `${addressOf(storage)}/blob/${blobName(file)}?signature=secret`);
    response.writeHead(302).end();
  });

  function note(host: Seen['host'], request: IncomingMessage): void {
    hub.seen.push({ host, method: request.method!, path: request.url!, headers: request.headers });
  }

  function sendFile(request: IncomingMessage, response: ServerResponse, file: FakeFile): void {
    const name = blobName(file);
    // The storage host has ETags of its own.
    if (!response.hasHeader('etag'))
      response.setHeader('etag', file.large ? `"storage-${name.slice(0, 8)}"` : `"${name}"`);
    if (request.method === 'HEAD') return void response.setHeader('content-length', file.content.length).end();
    const n = (counts.get(name) ?? 0) + 1;
    counts.set(name, n);
    if (hub.fault?.(request, response, file, n)) return;
    sendRange(request, response, file.content);
  }

  function sendRange(request: IncomingMessage, response: ServerResponse, content: Buffer): void {
    const start = startOf(request);
    const ifRange = request.headers['if-range'];
    if (start === undefined || (ifRange && ifRange !== response.getHeader('etag'))) {
      hub.bytesSent += content.length;
      return void response.setHeader('content-length', content.length).end(content);
    }
    if (start >= content.length) return void response.writeHead(416).end();
    const end = Math.min(endOf(request) + 1, content.length);
    hub.bytesSent += end - start;
    response.setHeader('content-range', `bytes ${start}-${end - 1}/${content.length}`);
    response.setHeader('content-length', end - start);
    response.writeHead(206).end(content.subarray(start, end));
  }

  const hub: FakeHub = {
    endpoint: '',
    seen: [],
    repo,
    commits: new Map([[COMMIT, files]]),
    refs: new Map([['main', COMMIT]]),
    fault: undefined,
    front: undefined,
    bytesSent: 0,
    async [Symbol.asyncDispose]() {
      await Promise.all([stop(main), stop(storage)]);
    },
  };
  await Promise.all([listen(main), listen(storage)]);
  return Object.assign(hub, { endpoint: addressOf(main) });
}

/** First byte that a request asks for, if it asks for a range. */
export function startOf(request: IncomingMessage): number | undefined {
  const range = /^bytes=(\d+)-\d*$/.exec(request.headers.range ?? '');
  return range ? Number(range[1]) : undefined;
}

/** Last byte of such a range; infinite when it is open. */
function endOf(request: IncomingMessage): number {
  return Number(/-(\d+)$/.exec(request.headers.range ?? '')?.[1] ?? Number.POSITIVE_INFINITY);
}

export function refuse(response: ServerResponse, status: number, code?: string): void {
  if (code) response.setHeader('x-error-code', code);
  response.writeHead(status).end();
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
