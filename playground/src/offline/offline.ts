/** Installs the page's service worker, with which the page opens without a network from then on. */
import { signal } from '@preact/signals';
import type { FromPage, ToPage } from './messages.ts';

/** Does the page open without a network? */
export const isKept = signal(false);

/** No model waits longer for the service worker than this: it is then loaded, and not kept. */
const PATIENCE_MS = 3000;

/** Settles when the service worker sees what the page requests, so that it keeps the models, or when there is none. */
export async function controlled(): Promise<void> {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  if (!workers || !import.meta.env.PROD) return;
  const ask = (worker: ServiceWorker | null, message: FromPage) => worker?.postMessage(message);
  workers.addEventListener('controllerchange', () => ask(workers.controller, { ask: 'keep' }));
  workers.addEventListener('message', ({ data }: MessageEvent<ToPage>) => {
    isKept.value = data.tell === 'kept';
  });
  workers.startMessages();
  const control = new Promise<void>((resolve) => {
    workers.addEventListener('controllerchange', () => resolve(), { once: true });
    setTimeout(resolve, PATIENCE_MS);
  });
  try {
    const registration = await workers.register('./service-worker.js');
    const keep = () => {
      // A new version keeps its files while it is installed.
      if (!registration.installing) ask(registration.waiting ?? registration.active, { ask: 'keep' });
    };
    void registration.update().then(keep, keep); // now, not when the browser has time
  } catch {
    return; // some private windows allow none
  }
  if (workers.controller) return;
  // A page that its visitor loaded past all caches has no service worker, though one may be active.
  void workers.ready.then(({ active }) => ask(active, { ask: 'control' }));
  await control;
}
