/** Types of objects in a worker, as the page sees them: the same methods, all of them asynchronous. */

import type { Intervention } from '../web.ts';

type AnyFunction = (...args: never[]) => unknown;
type AnyClass = abstract new (...args: never[]) => unknown;
type Primitive = string | number | bigint | boolean | symbol | null | undefined;
/** What is copied as it is. The interventions that the library makes have numbers for strengths, not functions. */
type Copied = Primitive | ArrayBufferView | ArrayBufferLike | Date | RegExp | Blob | Error | URL | Intervention;

type Methods<T> = { [K in keyof T]-?: T[K] extends AnyFunction ? K : never }[keyof T];
type HasMethod<T> = [Methods<T>] extends [never] ? false : true;

declare const remoteOf: unique symbol;

/** Marks what stands for an object of type T in a worker. */
export interface RemoteMark<T> {
  readonly [remoteOf]: () => T;
}

/**
 * An object in a worker. Methods return promises, or async generators where the object's own methods do; properties are awaited (`await
 * model.facts`), and their methods can be called at once (`model.senses.lookup('cat')`).
 */
export type Remote<T> = RemoteMark<T> & {
  readonly [K in keyof T as K extends string ? K : never]: Member<T[K]>;
} & AsyncDisposable;

type Member<T> = [T] extends [AnyFunction | AnyClass]
  ? RemoteFunction<T>
  : [T] extends [Copied | readonly unknown[] | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>]
    ? PromiseLike<Received<T>>
    : HasMethod<NonNullable<T>> extends true
      ? PromiseLike<Received<T>> & Remote<NonNullable<T>>
      : PromiseLike<Received<T>>;

type RemoteFunction<T> = (T extends (...args: infer A) => infer R ? (...args: SentAll<A>) => Answer<R> : unknown) &
  (T extends new (...args: infer A) => infer R ? new (...args: SentAll<A>) => Promise<Received<R>> : unknown);

type Answer<R> = [Extract<R, AsyncIterable<unknown>>] extends [never]
  ? Promise<Received<Awaited<R>>>
  : AsyncGenerator<Received<Item<R>>, void, undefined>;

type Item<R> = R extends AsyncIterable<infer T> | Iterable<infer T> ? T : never;

/** What the page gets of a value of the worker: data as a copy, an object with methods as a Remote. */
export type Received<T> = T extends Copied
  ? T
  : T extends ReadonlyMap<infer K, infer V>
    ? Map<K, Received<V>>
    : T extends ReadonlySet<infer V>
      ? Set<V>
      : T extends AnyFunction
        ? RemoteFunction<T>
        : T extends readonly unknown[]
          ? { [K in keyof T]: Received<T[K]> }
          : T extends object
            ? HasMethod<T> extends true
              ? Remote<T>
              : { [K in keyof T]: Received<T[K]> }
            : T;

/** What the page may give where the worker wants a T: the value, or where it has methods, a Remote of it. */
export type Sent<T> = T extends Copied | AnyFunction | AbortSignal | ReadonlyMap<unknown, unknown>
  ? T
  : T extends readonly unknown[]
    ? { [K in keyof T]: Sent<T[K]> }
    : T extends object
      ? T | RemoteMark<T> | { [K in keyof T]: Sent<T[K]> }
      : T;

type SentAll<A extends readonly unknown[]> = { [K in keyof A]: Sent<A[K]> };
