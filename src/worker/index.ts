/** The library in a Web Worker: models that compute there, with the methods that they have here, so that the page never waits. */

import type { Model } from '../api/model.ts';
import { unpacked } from '../base/embedded.ts';
import { UsageError } from '../base/errors.ts';
import type { Folder } from '../checkpoint/source.ts';
import type { PretrainedOptions } from '../web.ts';
import { Link } from './link.ts';
import type { Remote } from './remote-types.ts';

export { memoryFolder } from '../checkpoint/folder-memory.ts';
export type { Received, Remote, RemoteMark, Sent } from './remote-types.ts';

export interface WorkerOptions {
  /**
   * Address of the file `portmanteau/model-worker` on the page's own origin, for pages that serve it themselves. Default: the file of the package,
   * which bundlers find; where it cannot be loaded, a copy that is part of the library.
   */
  readonly workerUrl?: string | URL | undefined;
}

/** All that `portmanteau` exports, in a worker: `library.logitLens(model, 'The cat')`, `new library.ChatSession(model)`. */
export type RemoteLibrary = Remote<typeof import('../web.ts')> & {
  /** Ends the worker and frees all that is in it. */
  terminate(): void;
};

/** A model in a worker of its own. */
export type RemoteModel = Remote<Model> & {
  /** All that the library exports, in the same worker, for functions that take a model. */
  readonly library: RemoteLibrary;
};

/**
 * Starts a worker that has the library. Throws UsageError when none starts, such as where the policy of the page forbids it. Calls fail with
 * UsageError after `terminate`.
 */
export async function startWorker({ workerUrl }: WorkerOptions = {}): Promise<RemoteLibrary> {
  const { worker, link } = await firstThatBegins(workerUrl);
  worker.onerror = ({ message }) => {
    worker.terminate();
    link.end(new Error(`the worker has failed: ${message || 'no reason came'}.`));
  };
  const terminate = () => {
    worker.terminate();
    link.end(new UsageError('the worker has ended: its model was disposed, or terminate() was called.'));
  };
  return withOwn<RemoteLibrary>(link.root, { terminate });
}

/**
 * Loads a model in a worker of its own: as `fromPretrained` (the URL of a folder, a hub id, or memoryFolder), with the same options. Its `dispose`
 * ends the worker. Throws as fromPretrained and startWorker do.
 */
export async function loadInWorker(
  source: string | URL | Folder,
  { workerUrl, ...options }: Omit<PretrainedOptions, 'workerUrl'> & WorkerOptions = {},
): Promise<RemoteModel> {
  const library = await startWorker({ workerUrl });
  try {
    const model = await library.fromPretrained(source, options);
    const dispose = async () => {
      try {
        await model.dispose();
      } finally {
        library.terminate();
      }
    };
    return withOwn<RemoteModel>(model, { library, dispose, [Symbol.asyncDispose]: dispose });
  } catch (error) {
    library.terminate();
    throw error;
  }
}

/** What stands for an object of a worker, with members that are of the page. */
function withOwn<T extends object>(remote: object, own: Readonly<Record<PropertyKey, unknown>>): T {
  return new Proxy(remote, {
    get: (target, key) => (Object.hasOwn(own, key) ? own[key as string] : Reflect.get(target, key)),
  }) as T;
}

interface Begun {
  readonly worker: Worker;
  readonly link: Link;
}

async function firstThatBegins(workerUrl: string | URL | undefined): Promise<Begun> {
  if (workerUrl !== undefined) return begun(() => new Worker(workerUrl, { type: 'module' }));
  try {
    // In these words, so that bundlers see it.
    return await begun(() => new Worker(new URL('../../model-worker.js', import.meta.url), { type: 'module' }));
  } catch {
    const { base64 } = await import('./build/script.ts');
    const script = new Blob([await unpacked(base64).arrayBuffer()], { type: 'text/javascript' });
    return begun(() => new Worker(URL.createObjectURL(script)));
  }
}

function begun(start: () => Worker): Promise<Begun> {
  return new Promise((resolve, reject) => {
    let worker: Worker;
    try {
      worker = start();
    } catch (error) {
      return reject(notStarted(error)); // such as a SecurityError, of an address of another origin
    }
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      reject(notStarted(event.message || 'its script does not load'));
    };
    worker.onmessage = () => resolve({ worker, link });
    const link = new Link(worker, globalThis.document?.baseURI ?? globalThis.location.href);
  });
}

function notStarted(cause: unknown): UsageError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new UsageError(
    `the worker does not start: ${reason}. Serve the file 'portmanteau/model-worker' as JavaScript from the page's own origin, on isolated pages with ` +
      'the header Cross-Origin-Embedder-Policy: require-corp, and give its address as workerUrl; the Content-Security-Policy of the page must allow it ' +
      "(worker-src 'self').",
    { cause },
  );
}
