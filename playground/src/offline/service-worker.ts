/**
 * The page's service worker. It keeps the files of the page, and what the page has read of the models beside it, so that both open without a network;
 * and it isolates the page, so that threads compute also where the server sends no headers.
 */
import { withIsolation } from '../../../src/isolation/with-isolation.ts';
import type { FromPage, ToPage } from './messages.ts';
import { partOf } from './part-of.ts';

/** Files of this build but for itself, with what `integrity` wants of each; tools/service-worker.mjs puts it here. */
declare const FILES: Readonly<Record<string, string>>;

/** What is used here of a service worker's scope, whose types a page's project does not have. */
interface Scope {
  readonly registration: { readonly scope: string; readonly active: unknown };
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: { readonly includeUncontrolled: boolean }): Promise<readonly Client[]>;
  };
  addEventListener(kind: string, handle: (event: ScopeEvent) => void): void;
}

interface Client {
  postMessage(message: ToPage): void;
}

interface ScopeEvent {
  readonly request: Request;
  readonly data: FromPage;
  waitUntil(promise: Promise<unknown>): void;
  respondWith(response: Promise<Response>): void;
}

/** Larger files are not kept: models of that size belong to the hub, whose downloads go on where they were cut. */
const MAX_KEPT_BYTES = 16e6;
/** A server that is silent for so long is taken for none, if the page is kept. */
const PATIENCE_MS = 4000;

const worker = globalThis as unknown as Scope;
const { scope } = worker.registration;
const addressOf = (path: string) => new URL(path, scope).href;
const PAGE = addressOf('./index.html');
const MODELS = addressOf('./models/');
/** Pages in other folders of a site have caches of their own. */
const opened = () => caches.open(`portmanteau playground ${scope}`);
const kept = async (address: string) => (await opened()).match(address);

worker.addEventListener('install', (event) => {
  // A first one is quickly there, so that it sees which model is read; a later one replaces it when it has all files and the old pages are closed.
  if (worker.registration.active) event.waitUntil(keepPage());
});
worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener('message', (event) => {
  if (event.data.ask === 'control') event.waitUntil(worker.clients.claim());
  else event.waitUntil(keepPage().catch(() => {})); // without a network, or of a version that the server has no more
});
worker.addEventListener('fetch', (event) => {
  const { url, cache, mode } = event.request;
  // Other origins answer for themselves; browsers let nobody else fetch the last kind.
  if (!url.startsWith(scope) || (cache === 'only-if-cached' && mode !== 'same-origin')) return;
  event.respondWith(answer(event.request).then(withIsolation));
});

async function answer(request: Request): Promise<Response> {
  const { origin, pathname } = new URL(request.url);
  const address = origin + pathname;
  if (request.mode === 'navigate') return address === scope || address === PAGE ? page(request) : fetch(request);
  if (address.startsWith(MODELS)) return ofModel(request, address);
  // All other names change with their content.
  return (request.method === 'GET' && (await kept(address))) || fetch(request);
}

/** The page as the server has it now, so that a new version replaces the old one; the one that is kept without a server. */
async function page(request: Request): Promise<Response> {
  const old = await kept(PAGE);
  const now = fetch(new Request(request, { cache: 'no-cache' })); // an older page may name files that are no more
  if (!old) return now;
  const late = new Promise<Response>((resolve) => setTimeout(() => resolve(old), PATIENCE_MS));
  return Promise.race([now.catch(() => old), late]);
}

let keeping: Promise<void> | undefined;

/** Once at a time. */
function keepPage(): Promise<void> {
  keeping ??= keepFiles().finally(() => {
    keeping = undefined;
  });
  return keeping;
}

/** Stores all files of this version, the page itself last: what is kept is always one version that is whole. Then the files of others go. */
async function keepFiles(): Promise<void> {
  const cache = await opened();
  const had = new Set((await cache.keys()).map(({ url }) => url));
  const files = new Map(Object.entries(FILES).map(([path, integrity]) => [addressOf(path), integrity]));
  const fetchInto = async (address: string) => {
    // Of another version, as during an update of the server, the integrity is wrong, and this fails.
    const init = { cache: 'no-cache', integrity: files.get(address) as string, priority: 'low' } as const;
    const response = await fetch(address, init);
    if (response.status !== 200) throw new Error(`${address} answered ${response.status}`);
    await cache.put(address, response);
  };
  // One after another: the model that the visitor waits for is on the same connection.
  for (const address of files.keys()) if (address !== PAGE && !had.has(address)) await fetchInto(address);
  await fetchInto(PAGE);
  const clients = await worker.clients.matchAll({ includeUncontrolled: true });
  // Another tab may show an older version, which has yet to load some of its files.
  if (clients.length <= 1)
    for (const url of had) if (!files.has(url) && !url.startsWith(MODELS)) await cache.delete(url);
  for (const client of clients) client.postMessage({ tell: 'kept' });
}

/** Sizes of files of models, which their `HEAD` has told. */
const sizes = new Map<string, number>();
/** Files on their way, which several requests for their parts wait for. */
const coming = new Map<string, Promise<Response>>();

/** The library asks for the head of a file, and then for its parts. The head tells whether what is kept is still what the server has. */
async function ofModel(request: Request, address: string): Promise<Response> {
  const { method } = request;
  const old = await kept(address);
  const range = request.headers.get('range');
  if (method === 'GET' && range !== null) {
    if (old) return partOf(old, range);
    const size = sizes.get(address) ?? sizeIn(await fetch(address, { method: 'HEAD' }));
    if (size === undefined || size > MAX_KEPT_BYTES) return fetch(request);
    const whole = coming.get(address) ?? fetchWhole(address);
    coming.set(address, whole);
    return partOf((await whole.finally(() => coming.delete(address))).clone(), range);
  }
  const now = await fetch(request).catch((error: Error) => {
    if (!old) throw error;
    return undefined;
  });
  if (!now) return method === 'HEAD' ? new Response(null, old as Response) : (old as Response);
  if (old && !isSame(old, now)) await (await opened()).delete(address);
  const size = sizeIn(now);
  if (size !== undefined) sizes.set(address, size);
  if (now.status === 404)
    await keep(address, new Response(null, { status: 404 })); // many files are asked for that only some models have
  else if (method === 'GET' && now.status === 200 && (size ?? Number.POSITIVE_INFINITY) <= MAX_KEPT_BYTES)
    await keep(address, now.clone());
  return now;
}

async function fetchWhole(address: string): Promise<Response> {
  const response = await fetch(address, { cache: 'no-cache' });
  if (response.status !== 200) return response;
  const bytes = await response.blob();
  const headers = new Headers(response.headers);
  headers.delete('content-encoding'); // it is undone
  headers.set('content-length', String(bytes.size));
  const whole = new Response(bytes, { headers });
  await keep(address, whole.clone());
  return whole;
}

/** Where there is no room, the page works as long as there is a network. */
async function keep(address: string, response: Response): Promise<void> {
  await (await opened()).put(address, response).catch(() => {});
}

function sizeIn({ status, headers }: Response): number | undefined {
  const length = headers.get('content-length');
  return status === 200 && length !== null ? Number(length) : undefined;
}

/** By the first that both tell. */
function isSame(old: Response, now: Response): boolean {
  if (old.status !== now.status) return false;
  for (const name of ['etag', 'last-modified', 'content-length']) {
    const [one, other] = [old.headers.get(name), now.headers.get(name)];
    if (one !== null && other !== null) return one === other;
  }
  return true;
}
