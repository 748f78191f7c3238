/** Kernels and threads in Node. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { vectorBits } from './engine-node.ts';
import type { Platform, Thread } from './platform.ts';

export const nodePlatform: Platform = {
  cores: availableParallelism(),
  get vectorBits() {
    return vectorBits();
  },
  canShare: true,
  loadModule: async (name) => WebAssembly.compile(await readFile(new URL(`./build/${name}.wasm`, import.meta.url))),
  startThread,
  pause: () => setImmediate(),
};

/** Node 20 runs no TypeScript in workers: where the sources run directly, as in the tests, the built script is taken. */
function workerScript(): URL {
  const built = new URL('./worker-node.js', import.meta.url);
  return existsSync(fileURLToPath(built))
    ? built
    : new URL('../../../dist/src/backends/wasm/worker-node.js', import.meta.url);
}

function startThread(): Thread {
  // A computing thread has next to no objects of its own; without limits its heap would be sized for many.
  const worker = new Worker(workerScript(), {
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
