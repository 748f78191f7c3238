/** Kernels and threads in browsers. Bundlers that know `new URL(…, import.meta.url)` find the files by themselves. */
import type { Platform, Thread } from './platform.ts';

export const webPlatform: Platform = {
  cores: globalThis.navigator?.hardwareConcurrency ?? 1,
  canShare: globalThis.crossOriginIsolated === true,
  async loadModule(name) {
    const response = await fetch(new URL(`./build/${name}.wasm`, import.meta.url));
    if (!response.ok) throw new Error(`${response.url} answered ${response.status}; are the .wasm files being served?`);
    return WebAssembly.compile(await response.arrayBuffer());
  },
  startThread(): Thread {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    return {
      post: (message) => worker.postMessage(message),
      onMessage: (handle) => {
        worker.onmessage = ({ data }) => handle(data);
      },
      onError: (handle) => {
        worker.onerror = ({ message }) => handle(new Error(message));
      },
      hold: () => {},
      end: async () => worker.terminate(),
    };
  },
};
