/**
 * Isolates the pages of a server that cannot send headers, so that threads may share memory: a classic script at the top of a page, which installs
 * itself as a service worker and loads the page anew, once. The service worker adds the two headers to all answers of its own origin.
 */

import { withIsolation } from './with-isolation.ts';

/** What is used here of a service worker's scope, whose types a page's project does not have. */
interface Scope {
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
  addEventListener(kind: string, handle: (event: ScopeEvent) => void): void;
}

interface ScopeEvent {
  readonly request: Request;
  waitUntil(promise: Promise<void>): void;
  respondWith(response: Promise<Response>): void;
}

if (globalThis.document === undefined) serve(globalThis as unknown as Scope);
else void isolate(document.currentScript as HTMLScriptElement | null);

function serve(scope: Scope): void {
  scope.addEventListener('install', () => void scope.skipWaiting());
  scope.addEventListener('activate', (event) => event.waitUntil(scope.clients.claim()));
  scope.addEventListener('fetch', (event) => {
    const { url, cache, mode } = event.request;
    // Other origins answer for themselves; browsers let nobody else fetch the last kind.
    if (new URL(url).origin !== location.origin || (cache === 'only-if-cached' && mode !== 'same-origin')) return;
    event.respondWith(fetch(event.request).then(withIsolation));
  });
}

/** Does nothing where the page is isolated already, or service workers are not allowed: it then computes on one thread. */
async function isolate(script: HTMLScriptElement | null): Promise<void> {
  const TRIED = 'portmanteau: isolated';
  if (globalThis.crossOriginIsolated) return sessionStorage.removeItem(TRIED);
  if (!script || !navigator.serviceWorker || sessionStorage.getItem(TRIED)) return;
  try {
    await navigator.serviceWorker.register(script.src);
    await navigator.serviceWorker.ready;
  } catch (error) {
    console.warn(`this page is not isolated, so one thread computes: ${(error as Error).message}`);
    return;
  }
  sessionStorage.setItem(TRIED, 'yes'); // not again and again, where a browser does not isolate it all the same
  location.reload();
}
