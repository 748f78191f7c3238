/**
 * How TypeScript speaks to the WebAssembly kernels.
 *
 * A kernel is an exported function `(args: usize, part: u32, parts: u32) => void`. `args` points to the words of its command in the
 * memory of the same instance: 32-bit words, in the order in which the encoder of the op wrote them. All parts get the same
 * words and take pieces of its work until none is left; no output may depend on `parts`.
 *   word 0  address of the scratch memory of part 0      word 1  bytes from one part's scratch memory to the next
 *   word 2  number of the next piece of work             word 3..  what the encoder wrote
 */
import type { ElementType, Shape } from '../../base/tensor.ts';
import type { VectorBits } from './platform.ts';

/** Words in front of those of the encoder. */
export const HEAD_WORDS = 3;

/** A tensor in the memory of the instance that will run the command. */
export interface Located {
  readonly address: number;
  readonly shape: Shape;
  readonly dtype: ElementType;
}

export interface CommandOptions {
  /** The commands that this op wrote before must have ended first. */
  readonly after?: boolean;
  /** For each part; defined only while the command runs. */
  readonly scratchBytes?: number;
}

export interface CommandWriter {
  /** Starts a command: the words of a kernel. */
  begin(kernel: string, options?: CommandOptions): void;
  u32(...values: number[]): void;
  f32(value: number): void;
  /** Address of memory that all commands of this op share. */
  temp(bytes: number): number;
  /** Threads that compute; for sizes of pieces only. */
  readonly parts: number;
  /** Width of the registers that the engine computes vectors in; for sizes of tiles only. */
  readonly vectorBits: VectorBits;
}

/** Writes the commands of one op. */
export type Encoder<Attrs> = (
  to: CommandWriter,
  inputs: readonly Located[],
  outputs: readonly Located[],
  attrs: Attrs,
) => void;
