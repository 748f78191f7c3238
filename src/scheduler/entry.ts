/** A request on its way through the scheduler. */
import type { Request } from '../runtime/engine.ts';
import type { State } from '../runtime/state.ts';
import type { Task } from './task.ts';

export interface Entry {
  readonly task: Task;
  /** Most bytes of its state and of what is captured. */
  readonly needed: number;
  readonly arrival: number;
  /** Resolves when it holds nothing any more. */
  readonly freed: Promise<void>;
  readonly free: () => void;
  state?: State;
  /** Tokens of its prompt that were in the prefix cache. */
  cachedTokens?: number;
  /** Where a copy of its state is kept while its prompt is read: ascending lengths. */
  points?: readonly number[];
  /** What the reader reads of it now. */
  request?: EntryRequest | undefined;
  /** Nobody waits for its result. */
  left: boolean;
  /** Stops listening to its signal. */
  unlisten?: () => void;
}

export interface EnterOptions {
  /** It belongs to a request that has waited already. */
  readonly isQueued?: boolean;
  /** Bytes beside its state. */
  readonly bytes?: number;
}

export type EntryRequest = Request & { readonly entry: Entry };

export function resolvable(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
