/** What the backend needs of its surroundings, which Node and browsers do differently. */
import type { FromThread, ToThread } from './thread.ts';

/** The compiled kernels, by what they use: relaxed SIMD, shared memory. */
export type KernelsName = `kernels-${KernelVariant}${'' | '-shared'}`;

/** Plain SIMD; relaxed SIMD with int8 products in 16 or in 32 bits (assembly/blocks.ts). */
export type KernelVariant = 'plain' | 'relaxed16' | 'relaxed32';

export type VectorBits = 128 | 256;

export interface Platform {
  /** Cores of this machine. */
  readonly cores: number;
  /** Width of the registers that the engine computes vectors in: 256 where it makes one instruction of two. */
  readonly vectorBits: VectorBits;
  /** Can memory be shared between threads here? In browsers only on isolated pages. */
  readonly canShare: boolean;
  loadModule(name: KernelsName): Promise<WebAssembly.Module>;
  startThread(): Thread;
  /** Lets timers, input and painting happen. */
  pause(): Promise<void>;
}

export interface Thread {
  post(message: ToThread): void;
  onMessage(handle: (message: FromThread) => void): void;
  onError(handle: (error: Error) => void): void;
  /** Keeps the process alive, or no longer. */
  hold(busy: boolean): void;
  end(): Promise<void>;
}
