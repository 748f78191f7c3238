/**
 * Kernels and threads in browsers. Bundlers find the files by the literal `new URL('…', import.meta.url)`, and scripts of threads only
 * inside of `new Worker(…)`: these expressions must stay as they are.
 */
import { FetchError } from '../../errors.ts';
import type { KernelsName, Platform, Thread } from './platform.ts';

const kernelsUrls: Record<KernelsName, () => URL> = {
  'kernels-plain': () => new URL('./build/kernels-plain.wasm', import.meta.url),
  'kernels-plain-shared': () => new URL('./build/kernels-plain-shared.wasm', import.meta.url),
  'kernels-relaxed16': () => new URL('./build/kernels-relaxed16.wasm', import.meta.url),
  'kernels-relaxed16-shared': () => new URL('./build/kernels-relaxed16-shared.wasm', import.meta.url),
  'kernels-relaxed32': () => new URL('./build/kernels-relaxed32.wasm', import.meta.url),
  'kernels-relaxed32-shared': () => new URL('./build/kernels-relaxed32-shared.wasm', import.meta.url),
};

export const webPlatform: Platform = {
  cores: globalThis.navigator?.hardwareConcurrency ?? 1,
  vectorBits: 128,
  canShare: globalThis.crossOriginIsolated === true,
  loadModule,
  startThread,
  pause,
};

async function loadModule(name: KernelsName): Promise<WebAssembly.Module> {
  const url = kernelsUrls[name]().href;
  const response = await fetch(url).catch((error: Error) => {
    throw new FetchError(`${url} cannot be reached: ${error.message}`, { cause: error });
  });
  if (!response.ok) {
    const { status } = response;
    throw new FetchError(`${url} answered ${status}: the .wasm files of this package must be served too.`, { status });
  }
  const bytes = await response.arrayBuffer();
  // Servers of single-page applications answer with a page for whatever they do not have.
  if (!isWasm(bytes))
    throw new FetchError(`${url} is no WebAssembly: the .wasm files of this package must be served too.`);
  return WebAssembly.compile(bytes);
}

function isWasm(bytes: ArrayBuffer): boolean {
  return bytes.byteLength > 4 && new DataView(bytes).getUint32(0) === 0x0061736d;
}

function startThread(): Thread {
  const worker = new Worker(new URL('./worker-web.js', import.meta.url), { type: 'module' });
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (handle) => {
      worker.onmessage = ({ data }) => handle(data);
    },
    onError: (handle) => {
      // Where the script itself does not load, browsers do not say why.
      worker.onerror = ({ message }) => handle(new Error(message || noScript));
    },
    hold: () => {},
    end: async () => worker.terminate(),
  };
}

const noScript =
  'the script of a computing thread does not load: worker-web.js must be served from the same origin as the page, ' +
  'and with the header Cross-Origin-Embedder-Policy too. Or use threads: 1.';

/** A message to oneself: timers would wait for 4 ms. */
function pause(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
