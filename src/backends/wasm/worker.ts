/** The script of a computing thread, in Node's workers and in the browser's. */
import { createThread, type FromThread, type ToThread } from './thread.ts';

const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined;

if (isNode) {
  const { parentPort } = await import('node:worker_threads');
  const handle = createThread((message: FromThread) => parentPort?.postMessage(message));
  parentPort?.on('message', handle);
} else {
  const handle = createThread((message: FromThread) => self.postMessage(message));
  self.onmessage = ({ data }: MessageEvent<ToThread>) => handle(data);
}
