/** The interface of a backend: memory, upload, read, and kernels by the names of the ops. */

import type { ElementType, Shape, Tensor, TypedArray, Uploadable } from '../base/tensor.ts';
import type { Block } from '../formats/numbers.ts';
import type { Op } from '../ops/op.ts';

export type { Block } from '../formats/numbers.ts';

/** A recorded step: replays the same commands on the same memory, with other uploads. */
export interface Replay {
  /**
   * Runs the step with these uploads, in the order of the recorded ones, and returns its result. Returns undefined and runs nothing when
   * their sizes or number differ, or when live memory was allocated or freed since the recording.
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
   * Writes a block of numbers into a live tensor, converting to its type; the bytes must not change until the promise settles. Not allowed
   * inside of a step.
   */
  fill(x: Tensor, block: Block): Promise<void>;
  /**
   * Fills a live tensor with bytes from `read`, as in a file: little-endian numbers, or the portable layout of a packed format. The backend
   * chooses the layout in memory and how much to read at a time. Not allowed inside of a step.
   */
  load(x: Tensor, read: ReadBytes): Promise<void>;
  /**
   * Runs a step. Memory from `alloc` and `upload` is freed when the promise settles, so results must be read before. Steps of one backend
   * run one after another.
   */
  step<R>(body: () => Promise<R>): Promise<R>;
  /** As `step`, for a step that returns the numbers of one tensor and may be replayed. */
  record(body: () => Tensor): Promise<Recorded>;
  /** Uninitialised memory of the running step. */
  alloc(shape: Shape, dtype: ElementType): Tensor;
  upload(data: Uploadable, shape: Shape): Tensor;
  /** Frees the memory of a tensor from `alloc` before its step ends. Views of it are then invalid too. */
  release(x: Tensor): void;
  /** Runs `body`, then frees all that it allocated in the step except its result. */
  scope(body: () => Tensor): Tensor;
  /** Is there a kernel for this op? */
  has(op: string): boolean;
  /** Enqueues an op; ops take effect in order. Throws when there is no such kernel. */
  run(op: Op<never>, inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: unknown): void;
  /** Blocks the thread until all enqueued ops have ended, or failed. Only for measurements. */
  wait(): void;
  /**
   * Waits for all enqueued ops and copies the numbers of a tensor out (of live tensors also outside of steps); packed ones in their
   * portable layout.
   */
  read(x: Tensor): Promise<TypedArray>;
  /** Bytes allocated now for live tensors and for the arena of steps. */
  memory(): { liveBytes: number; arenaBytes: number };
  dispose(): Promise<void>;
}
