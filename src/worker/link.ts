/** The page's side: stands for the objects of a worker, and keeps what the worker may call and abort. */
import { expose, transfer, wrap } from 'comlink';
import { UsageError } from '../base/errors.ts';
import { filesOfFolder } from '../checkpoint/folder-memory.ts';
import type { Folder } from '../checkpoint/source.ts';
import { errorOf } from './errors.ts';
import type { Begin, HostCalls, PageCalls, Reply, Request } from './host.ts';
import { type Described, described, pack, unpack } from './wire.ts';

/** An object in the worker. It is let go when the page has lost all that stands for it. */
interface Handle {
  readonly link: Link;
  readonly ref: number;
  /** Functions and signals of the call that made it, which it may still use. */
  readonly lent: Lent;
}

type Place = Pick<Request, 'path'> & { readonly handle: Handle };

interface Lent {
  readonly callbacks: readonly number[];
  readonly signals: ReadonlyMap<number, () => void>;
}

const PLACE = Symbol('place of an object in a worker');
const NOTHING_LENT: Lent = { callbacks: [], signals: new Map() };

type Answer = Promise<unknown> & Partial<AsyncGenerator>;

export class Link {
  readonly #host: HostCalls;
  readonly #callbacks = new Map<number, (...args: unknown[]) => unknown>();
  readonly #waiting = new Set<(error: Error) => void>();
  readonly #lost = new FinalizationRegistry<{ readonly ref: number; readonly lent: Lent }>(({ ref, lent }) =>
    this.#giveBack([ref], lent),
  );
  #ended: Error | undefined;
  #last = 0;

  /** `worker`: runs `script.ts`, and has begun or will begin. */
  constructor(worker: Worker, address: string) {
    const calls = new MessageChannel();
    const callbacks = new MessageChannel();
    const answers: PageCalls = { callback: (id, args) => this.#calledBack(id, args) };
    expose(answers, callbacks.port1);
    this.#host = wrap(calls.port1) as unknown as HostCalls;
    const begin: Begin = { kind: 'begin', address, calls: calls.port2, callbacks: callbacks.port2 };
    worker.postMessage(begin, [begin.calls, begin.callbacks]);
  }

  /** What stands for the worker's first object, the library. */
  get root(): object {
    return standIn({ handle: { link: this, ref: 0, lent: NOTHING_LENT }, path: [] });
  }

  /** Fails all calls, those that wait and those to come. */
  end(error: Error): void {
    this.#ended ??= error;
    for (const reject of this.#waiting) reject(this.#ended);
    this.#waiting.clear();
  }

  /** Reads a property of the worker's object, or calls it with these arguments. */
  async ask({ handle, path }: Place, args?: readonly unknown[], construct = false): Promise<unknown> {
    if (this.#ended) throw this.#ended;
    const callbacks: number[] = [];
    const signals = new Map<number, () => void>();
    const lent: Lent = { callbacks, signals };
    let isLent = false;
    try {
      const moved: Transferable[] = [];
      const packed = args?.map((arg) => pack(arg, (value) => this.#describe(value, callbacks, signals), moved));
      const request: Request = { ref: handle.ref, path, args: packed, construct };
      const reply = await this.#orEnded(this.#host.call(transfer(request, moved)));
      const revive = (kind: string, fields: Described): unknown => {
        if (kind !== 'object') return errorOf(fields);
        isLent = true;
        return this.#standInFor(fields.ref as number, lent);
      };
      if ('error' in reply) throw unpack(reply.error, revive);
      return unpack(reply.value, revive);
    } finally {
      if (!isLent) this.#giveBack([], lent);
    }
  }

  /** Lets an object of the worker go. */
  release({ ref, lent }: Handle): void {
    this.#giveBack([ref], lent);
  }

  #standInFor(ref: number, lent: Lent): object {
    const handle: Handle = { link: this, ref, lent };
    this.#lost.register(handle, { ref, lent });
    return standIn({ handle, path: [] });
  }

  #orEnded<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      promise.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  #giveBack(refs: readonly number[], { callbacks, signals }: Lent): void {
    for (const id of callbacks) this.#callbacks.delete(id);
    for (const stop of signals.values()) stop();
    if (!this.#ended && (refs.length > 0 || signals.size > 0)) void this.#host.release(refs, [...signals.keys()]);
  }

  #describe(value: object, callbacks: number[], signals: Map<number, () => void>): Described | undefined {
    const place = placeOf(value);
    if (place) {
      const { handle, path } = place;
      if (handle.link !== this) throw new UsageError('this object belongs to another worker.');
      return described('object', { ref: handle.ref, path });
    }
    if (typeof value === 'function') {
      const id = ++this.#last;
      this.#callbacks.set(id, value as () => unknown);
      callbacks.push(id);
      return described('callback', { id });
    }
    if (value instanceof AbortSignal) return this.#lend(value, signals);
    const folder = filesOfFolder(value as Folder);
    return folder && described('files', { ...folder });
  }

  #lend(signal: AbortSignal, signals: Map<number, () => void>): Described {
    const id = ++this.#last;
    const { aborted, reason } = signal;
    if (aborted) return described('signal', { id, aborted, reason });
    const abort = () =>
      void this.#host.abort(
        id,
        pack(signal.reason, () => undefined, []),
      );
    signal.addEventListener('abort', abort, { once: true });
    signals.set(id, () => signal.removeEventListener('abort', abort));
    return described('signal', { id, aborted });
  }

  async #calledBack(id: number, args: unknown): Promise<Reply> {
    const revive = (kind: string, fields: Described) =>
      kind === 'object' ? this.#standInFor(fields.ref as number, NOTHING_LENT) : errorOf(fields);
    const describe = (value: object) => this.#describe(value, [], new Map());
    try {
      const value = await this.#callbacks.get(id)?.(...(unpack(args, revive) as unknown[]));
      return { value: pack(value, describe, []) };
    } catch (error) {
      return { error: pack(error, describe, []) };
    }
  }
}

const placeOf = (value: object): Place | undefined => (value as { readonly [PLACE]?: Place })[PLACE];

/** Properties lead on, calls call, `await` reads. An object itself, as opposed to its properties, is not awaited. */
function standIn(place: Place): object {
  const { handle, path } = place;
  const { link } = handle;
  const member = (key: string): Place => ({ handle, path: [...path, key] });
  return new Proxy(function remote() {}, {
    get(_, key) {
      if (key === PLACE) return place;
      if (key === 'then' && path.length === 0) return undefined;
      if (key === 'then')
        return (resolve: (value: unknown) => void, reject: (error: unknown) => void) =>
          link.ask(place).then(resolve, reject);
      if (key === Symbol.asyncDispose) return () => link.ask(member('dispose'), []);
      return typeof key === 'symbol' ? undefined : standIn(member(key));
    },
    apply: (_, __, args) => answerOf(link, link.ask(place, args)),
    construct: (_, args) => link.ask(place, args, true),
  });
}

/** The promise of a result, which is also the async generator that the result may be. */
function answerOf(link: Link, result: Promise<unknown>): Answer {
  let items: AsyncGenerator | undefined;
  const begun = () => {
    items ??= itemsOf(link, result);
    return items;
  };
  return Object.assign(result, {
    next: () => begun().next(),
    return: (value?: unknown) => begun().return(value),
    throw: (error: unknown) => begun().throw(error),
    [Symbol.asyncIterator]: begun,
  });
}

async function* itemsOf(link: Link, result: Promise<unknown>): AsyncGenerator {
  const found = await result;
  const place = placeOf(Object(found));
  if (!place) return yield* found as Iterable<unknown>; // a list came as a copy
  const iterator = found as AsyncGenerator;
  try {
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) return value;
      yield value;
    }
  } finally {
    await iterator.return(undefined).catch(() => {}); // it has ended, or the worker has
    link.release(place.handle);
  }
}
