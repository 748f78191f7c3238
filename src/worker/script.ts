/**
 * The script of a worker, in one file without imports (import maps do not reach into workers): it holds models for a page, or is one of the
 * threads of such a worker, by the first message.
 */
import { createThread, type ToThread } from '../backends/wasm/thread.ts';
import { type Begin, beginHost } from './host.ts';

const thread = createThread((message) => self.postMessage(message));

self.onmessage = ({ data }: MessageEvent<Begin | ToThread>) => {
  if (data.kind !== 'begin') return thread(data);
  beginHost(data);
  self.postMessage({ kind: 'begun' });
};
