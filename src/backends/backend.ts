/** The whole of what a backend supplies: memory, a way in, a way out, and kernels by the names of the ops. */

import type { ElementType, Shape, Tensor, TypedArray, Uploadable } from '../base/tensor.ts';
import type { Block } from '../formats/numbers.ts';
import type { Op } from '../ops/op.ts';

export type { Block } from '../formats/numbers.ts';

/** A step that was recorded: the same commands on the same memory, with other uploads. */
export interface Replay {
  /**
   * The numbers that the step gives with these uploads, in the order of the recorded ones. Undefined, and nothing is run, when they are of
   * other sizes or numbers, or when live memory was taken or given back since.
   */
  run(uploads: readonly Uploadable[]): Promise<TypedArray | undefined>;
  dispose(): void;
}

export interface Recorded {
  readonly numbers: TypedArray;
  readonly replay: Replay | undefined;
}

/** Fills `into` with the bytes of a tensor from byte `offset` on. */
export type ReadBytes = (offset: number, into: Uint8Array) => Promise<void>;

export interface Backend {
  readonly name: string;
  /** Zero-filled memory that lives until `free`: weights and state. Throws RangeError when there is none left. */
  allocate(shape: Shape, dtype: ElementType): Tensor;
  free(x: Tensor): void;
  /**
   * Writes a block of numbers into a live tensor, converting to its type; the bytes must stay as they are until the promise settles. Not
   * inside of a step.
   */
  fill(x: Tensor, block: Block): Promise<void>;
  /**
   * Fills a live tensor with bytes that `read` gives as they are in a file: little-endian numbers, or the portable layout of a packed format.
   * How they lie in memory, and how much is read at once, is the backend's own affair. Not inside of a step.
   */
  load(x: Tensor, read: ReadBytes): Promise<void>;
  /**
   * Runs a step. Everything that `alloc` and `upload` hand out inside is gone when the promise settles, so read what is wanted
   * before. Steps of one backend run one after another.
   */
  step<R>(body: () => Promise<R>): Promise<R>;
  /** As `step`, for one that gives the numbers of one tensor and may be wanted again. */
  record(body: () => Tensor): Promise<Recorded>;
  /** Uninitialised memory of the running step. */
  alloc(shape: Shape, dtype: ElementType): Tensor;
  upload(data: Uploadable, shape: Shape): Tensor;
  /** Runs `body` and frees what it allocated in the step, save its result. */
  scope(body: () => Tensor): Tensor;
  /** Is there a kernel of this op? */
  has(op: string): boolean;
  /** Enqueues; commands take effect in order. Throws when there is no such kernel. */
  run(op: Op<never>, inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: unknown): void;
  /** Blocks until all that was enqueued has ended, or failed. Only for measuring: nothing else happens meanwhile. */
  wait(): void;
  /**
   * Waits for all that was enqueued and copies the numbers out (of live tensors also outside of steps); packed ones in their portable
   * layout.
   */
  read(x: Tensor): Promise<TypedArray>;
  /** Bytes taken from the system for live tensors and for the arena, now. */
  memory(): { liveBytes: number; arenaBytes: number };
  dispose(): Promise<void>;
}
