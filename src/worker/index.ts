/** The library in a Web Worker: models that compute there, with the methods that they have here, so that the page never waits. */

import type { Model } from '../api/model.ts';
import { unpacked } from '../base/embedded.ts';
import type { Folder } from '../checkpoint/source.ts';
import type { PretrainedOptions } from '../web.ts';
import { begin, type Ended, withOwn } from './begin.ts';
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
export type RemoteLibrary = Remote<typeof import('../web.ts')> & Ended;

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
  if (workerUrl !== undefined) return begin(() => new Worker(workerUrl, { type: 'module' }));
  try {
    // In these words, so that bundlers see it.
    return await begin(() => new Worker(new URL('../../model-worker.js', import.meta.url), { type: 'module' }));
  } catch {
    const { base64 } = await import('./build/script.ts');
    const script = new Blob([await unpacked(base64).arrayBuffer()], { type: 'text/javascript' });
    return begin(() => new Worker(URL.createObjectURL(script)));
  }
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
