/** The script of a computing thread in browsers. It imports nothing by a bare name: import maps do not reach into workers. */
import { createThread, type ToThread } from './thread.ts';

const handle = createThread((message) => self.postMessage(message));
self.onmessage = ({ data }: MessageEvent<ToThread>) => handle(data);
