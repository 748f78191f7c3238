/** Starts a worker that runs `serveLibrary`, and links the page to it. */
import { UsageError } from '../base/errors.ts';
import { Link } from './link.ts';
import type { Begun } from './serve.ts';

export interface Ended {
  /** Ends the worker and frees all that is in it. */
  terminate(): void;
}

/**
 * `start` makes the worker; T is what stands for its library. Throws UsageError when none starts, such as where the policy of the page forbids it.
 * Calls fail with UsageError after `terminate`.
 */
export async function begin<T extends Ended>(start: () => Worker): Promise<T> {
  const { worker, link } = await begun(start);
  worker.onerror = ({ message }) => {
    worker.terminate();
    link.end(new Error(`the worker has failed: ${message || 'no reason came'}.`));
  };
  const terminate = () => {
    worker.terminate();
    link.end(new UsageError('the worker has ended: its model was disposed, or terminate() was called.'));
  };
  return withOwn<T>(link.root, { terminate });
}

/** What stands for an object of a worker, with members that are of the page. */
export function withOwn<T extends object>(remote: object, own: Readonly<Record<PropertyKey, unknown>>): T {
  return new Proxy(remote, {
    get: (target, key) => (Object.hasOwn(own, key) ? own[key as string] : Reflect.get(target, key)),
  }) as T;
}

interface LinkedWorker {
  readonly worker: Worker;
  readonly link: Link;
}

function begun(start: () => Worker): Promise<LinkedWorker> {
  return new Promise((resolve, reject) => {
    let worker: Worker;
    try {
      worker = start();
    } catch (error) {
      return reject(notStarted(error)); // such as a SecurityError, of an address of another origin
    }
    const fail = (reason: string) => {
      worker.terminate();
      reject(notStarted(reason));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      fail(event.message || 'its script does not load');
    };
    worker.onmessage = ({ data }: MessageEvent<Begun>) =>
      data.kind === 'begun' ? resolve({ worker, link }) : fail(data.message);
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
