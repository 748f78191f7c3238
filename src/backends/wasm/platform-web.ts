/** Kernels and threads in browsers. Neither needs a file beside this one, so that every bundler's output has them. */
import { unpacked } from '../../base/embedded.ts';
import { FetchError, UsageError } from '../../base/errors.ts';
import { script } from './build/worker-web.ts';
import { kernelsText } from './kernels.ts';
import type { KernelsName, Platform, Thread } from './platform.ts';

/** `workerUrl`: where the script of the threads is served; without it threads start from a blob. */
export function webPlatform(workerUrl?: string | URL): Platform {
  return {
    cores: globalThis.navigator?.hardwareConcurrency ?? 1,
    vectorBits: 128,
    canShare: globalThis.crossOriginIsolated === true,
    loadModule,
    startThread: () => startThread(workerUrl),
    pause,
  };
}

async function loadModule(name: KernelsName): Promise<WebAssembly.Module> {
  const text = await kernelsText(name).catch((error: Error) => {
    throw new FetchError(
      `the kernels (${name}) do not load: ${error.message}. Serve all files that the bundler has written, as JavaScript; ` +
        'without a bundler, all of dist/src.',
      { cause: error },
    );
  });
  return WebAssembly.compile(await unpacked(text).arrayBuffer());
}

/** What WebAssembly makes; where the policy of a page forbids to make it, a UsageError says what allows it. */
export function allowedByPolicy<T>(made: Promise<T>): Promise<T> {
  return made.catch((error: Error) => {
    if (!/content.security.policy|unsafe-eval/i.test(error.message) || error instanceof UsageError) throw error;
    throw new UsageError(
      `this page's Content-Security-Policy allows no WebAssembly: add 'wasm-unsafe-eval' to its script-src. (${error.message})`,
      { cause: error },
    );
  });
}

let blobUrl: string | undefined;

/** The script of the threads as a blob, one for as long as the page lives. */
function scriptUrl(): string {
  blobUrl ??= URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  return blobUrl;
}

function startThread(workerUrl?: string | URL): Thread {
  const worker = newWorker(workerUrl);
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (handle) => {
      worker.onmessage = ({ data }) => handle(data);
    },
    onError: (handle) => {
      // Where the script itself does not load, browsers do not say why.
      worker.onerror = ({ message }) => handle(message ? new Error(message) : notStarted(workerUrl));
    },
    hold: () => {},
    end: async () => worker.terminate(),
  };
}

function newWorker(workerUrl?: string | URL): Worker {
  try {
    // As a module, since servers for development add imports to what they serve.
    return workerUrl === undefined ? new Worker(scriptUrl()) : new Worker(workerUrl, { type: 'module' });
  } catch (error) {
    throw notStarted(workerUrl, error); // such as a SecurityError, of an address of another origin
  }
}

function notStarted(workerUrl: string | URL | undefined, cause?: unknown): UsageError {
  const problem =
    workerUrl === undefined
      ? "this page's Content-Security-Policy allows no worker from a blob. Add `worker-src blob:` to it, or serve the file " +
        "'portmanteau/thread' from the page's origin and give its address as workerUrl"
      : `its script does not load from ${workerUrl}. It must be the file 'portmanteau/thread', served as JavaScript from the same ` +
        'origin as the page, with the header Cross-Origin-Embedder-Policy: require-corp';
  return new UsageError(`a computing thread does not start: ${problem}. Or use threads: 1.`, { cause });
}

/** Yields by a message to itself, because timers wait for 4 ms. */
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
