/** The script of a computing thread in Node. */
import { parentPort } from 'node:worker_threads';
import { createThread } from './thread.ts';

parentPort?.on(
  'message',
  createThread((message) => parentPort?.postMessage(message)),
);
