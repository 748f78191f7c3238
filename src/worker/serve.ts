/** What the script of a worker does: it has a library for a page, or is one of the threads of such a worker, by the first message. */
import { createThread, type ToThread } from '../backends/wasm/thread.ts';
import { type Begin, beginHost, type HostedLibrary } from './host.ts';

/** The first message to the page. */
export type Begun = { readonly kind: 'begun' } | { readonly kind: 'failed'; readonly message: string };

/** `load`: threads do not call it. */
export function serveLibrary(load: () => Promise<HostedLibrary>): void {
  const thread = createThread((message) => self.postMessage(message));
  self.onmessage = ({ data }: MessageEvent<Begin | ToThread>) => {
    if (data.kind !== 'begin') return thread(data);
    begun(data, load).then((message) => self.postMessage(message));
  };
}

async function begun(data: Begin, load: () => Promise<HostedLibrary>): Promise<Begun> {
  try {
    beginHost(data, await load());
    return { kind: 'begun' };
  } catch (error) {
    return { kind: 'failed', message: (error as Error).message };
  }
}
