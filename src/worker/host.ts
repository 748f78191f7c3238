/** The worker's side: keeps objects by number, calls their methods when the page asks, and calls back. */
import { expose, transfer, wrap } from 'comlink';
import { UsageError } from '../base/errors.ts';
import { page } from '../base/page.ts';
import { memoryFolder } from '../checkpoint/folder-memory.ts';
import type { fromPretrained, PretrainedOptions } from '../web.ts';
import { errorOf } from './errors.ts';
import { type Described, described, isPlain, pack, unpack } from './wire.ts';

/** What the page asks of an object: `path` leads to a property; without `args` it is read, with them it is called. */
export interface Request {
  readonly ref: number;
  readonly path: readonly string[];
  readonly args?: readonly unknown[] | undefined;
  /** With `new`. */
  readonly construct?: boolean;
}

export type Reply = { readonly value: unknown } | { readonly error: unknown };

/** What the page can ask for. */
export interface HostCalls {
  call(request: Request): Promise<Reply>;
  /** `id`: of a signal that came with the arguments of a call. */
  abort(id: number, reason: unknown): void;
  /** The page has no use any more for these objects and signals. */
  release(refs: readonly number[], signals: readonly number[]): void;
}

/** What the worker can ask for. */
export interface PageCalls {
  callback(id: number, args: unknown): Promise<Reply>;
}

/** First message to a worker: begin. */
export interface Begin {
  readonly kind: 'begin';
  /** The address against which relative ones are resolved. */
  readonly address: string;
  readonly calls: MessagePort;
  readonly callbacks: MessagePort;
}

/** What a worker has for its page: functions and classes. */
export interface HostedLibrary {
  readonly fromPretrained: typeof fromPretrained;
}

export function beginHost({ address, calls, callbacks }: Begin, library: HostedLibrary): void {
  page.address = address;
  expose(new Host(wrap<PageCalls>(callbacks) as unknown as PageCalls, withOwnThreads(library)), calls);
}

/** Threads run the script that runs here, which any policy that allowed it allows. */
const withOwnThreads = <T extends HostedLibrary>(library: T): T => ({
  ...library,
  fromPretrained: (reference: Parameters<typeof fromPretrained>[0], options: PretrainedOptions = {}) =>
    library.fromPretrained(reference, { workerUrl: globalThis.location.href, ...options }),
});

class Host implements HostCalls {
  readonly #page: PageCalls;
  /** The first is the library. */
  readonly #objects: Map<number, object>;
  readonly #signals = new Map<number, AbortController>();
  #last = 0;

  constructor(page: PageCalls, library: object) {
    this.#page = page;
    this.#objects = new Map([[0, library]]);
  }

  async call(request: Request): Promise<Reply> {
    const lent: Lent = { waiting: new Set() };
    try {
      const found = this.#perform(request, lent);
      const value = isIterable(found) ? found : await found;
      // What the library told the page on the way comes before the result.
      while (lent.waiting.size > 0) await Promise.all(lent.waiting);
      if (lent.failed) throw lent.failed.error;
      return this.#packed((describe, moved) => ({ value: pack(value, describe, moved) }));
    } catch (error) {
      return this.#packed((describe, moved) => ({ error: pack(error, describe, moved) }));
    } finally {
      lent.hasEnded = true;
    }
  }

  abort(id: number, reason: unknown): void {
    this.#signals.get(id)?.abort(unpack(reason, (_, fields) => errorOf(fields)));
  }

  release(refs: readonly number[], signals: readonly number[]): void {
    for (const ref of refs) {
      const found = this.#objects.get(ref);
      this.#objects.delete(ref);
      // An iterator that the page has lost holds states: it ends.
      if (found && isIterable(found)) void (found as Partial<AsyncGenerator>).return?.(undefined);
    }
    for (const id of signals) this.#signals.delete(id);
  }

  #perform({ ref, path, args, construct }: Request, lent: Lent): unknown {
    let owner: unknown;
    let found: unknown = this.#objects.get(ref);
    if (found === undefined) throw new UsageError('this object of the worker was disposed.');
    for (const key of path) [owner, found] = [found, (found as Record<string, unknown> | undefined)?.[key]];
    if (!args) return found;
    if (typeof found !== 'function') throw new UsageError(`${path.join('.')} is no function of the library.`);
    const own = unpack(args, this.#revive(lent)) as unknown[];
    return construct ? Reflect.construct(found, own) : Reflect.apply(found, owner, own);
  }

  #packed(make: (describe: (value: object) => Described | undefined, moved: Transferable[]) => Reply): Reply {
    const moved: Transferable[] = [];
    return transfer(
      make((value) => this.#describe(value), moved),
      moved,
    );
  }

  /** Objects with methods stay here; the page gets their number. */
  #describe(value: object): Described | undefined {
    const stays =
      typeof value === 'function' ||
      isIterable(value) ||
      (isPlain(value) ? Object.values(value).some((part) => typeof part === 'function') : isOfLibrary(value));
    if (!stays) return undefined;
    const kept = isIterable(value) && !('next' in value) ? value[Symbol.asyncIterator]() : value;
    this.#objects.set(++this.#last, kept);
    return described('object', { ref: this.#last });
  }

  readonly #revive =
    (lent: Lent) =>
    (kind: string, fields: Described): unknown => {
      if (kind === 'object') return this.#perform(fields as unknown as Request, lent);
      if (kind === 'callback') return (...args: unknown[]) => this.#callBack(lent, fields.id as number, args);
      if (kind === 'signal') return this.#signalOf(fields);
      if (kind === 'files') return memoryFolder(fields.files as ReadonlyMap<string, Blob>, fields.name as string);
      return errorOf(fields);
    };

  #signalOf({ id, aborted, reason }: Described): AbortSignal {
    const controller = new AbortController();
    if (aborted) controller.abort(reason);
    else this.#signals.set(id as number, controller);
    return controller.signal;
  }

  #callBack(lent: Lent, id: number, args: unknown[]): Promise<unknown> {
    const moved: Transferable[] = [];
    const packed = pack(args, (value) => this.#describe(value), moved);
    const answered = this.#page.callback(id, transfer(packed as object, moved)).then((reply) => {
      if ('error' in reply) throw unpack(reply.error, this.#revive(lent));
      return unpack(reply.value, this.#revive(lent));
    });
    if (lent.hasEnded) return answered;
    const noted: Promise<void> = answered
      .then(
        () => {},
        (error) => {
          lent.failed ??= { error };
        },
      )
      .finally(() => lent.waiting.delete(noted));
    lent.waiting.add(noted);
    return answered.catch(() => undefined); // the call that led here fails with it
  }
}

/** Functions of the page that a call brought. */
interface Lent {
  /** Calls of them that the page has not answered. Each call waits for its own only: one of them may be what the page waits for. */
  readonly waiting: Set<Promise<void>>;
  failed?: { readonly error: unknown };
  hasEnded?: boolean;
}

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || 'next' in value);
}

/** Is it of a class that is not the platform's? */
function isOfLibrary(value: object): boolean {
  const isPlatforms = /^\[object (?!Object\])/.test(Object.prototype.toString.call(value));
  return !isPlatforms && !(value instanceof Error);
}
