/** What the backend needs of its surroundings, which Node and browsers do differently. */
import type { FromThread, ToThread } from './thread.ts';

export interface Platform {
  /** Cores of this machine. */
  readonly cores: number;
  /** Can memory be shared between threads here? In browsers only on isolated pages. */
  readonly canShare: boolean;
  /** The compiled kernels: `kernels`, with `-relaxed` and `-shared` where they use those. */
  loadModule(name: string): Promise<WebAssembly.Module>;
  startThread(): Thread;
}

export interface Thread {
  post(message: ToThread): void;
  onMessage(handle: (message: FromThread) => void): void;
  onError(handle: (error: Error) => void): void;
  /** Keeps the process alive, or no longer. */
  hold(busy: boolean): void;
  end(): Promise<void>;
}
