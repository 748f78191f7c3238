/** Kernels and threads in Node. Neither needs a file beside this one, so that bundles have them too. */
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { gunzipSync } from 'node:zlib';
import { script } from './build/worker-node.ts';
import { vectorBits } from './engine-node.ts';
import { kernelsText } from './kernels.ts';
import type { Platform, Thread } from './platform.ts';

export const nodePlatform: Platform = {
  cores: availableParallelism(),
  get vectorBits() {
    return vectorBits();
  },
  canShare: true,
  loadModule: async (name) => WebAssembly.compile(gunzipSync(Buffer.from(await kernelsText(name), 'base64'))),
  startThread,
  pause: () => setImmediate(),
};

function startThread(): Thread {
  const worker = new Worker(script, {
    eval: true,
    execArgv: [], // with --input-type=module of the process, the script would be read as another kind of module
    // A computing thread has next to no objects of its own; without limits its heap would be sized for many.
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 },
  });
  worker.unref();
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (handle) => void worker.on('message', handle),
    onError: (handle) => void worker.on('error', handle),
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    end: async () => void (await worker.terminate()),
  };
}
