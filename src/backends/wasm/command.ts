/**
 * How TypeScript speaks to the WebAssembly kernels.
 *
 * A kernel is an exported function `(args: usize, part: u32, parts: u32) => void`. `args` points to its command record in the
 * memory of the same instance: 32-bit words, in the order in which the encoder of the op wrote them. All parts get the same
 * record; each does its share of the work, and no output may depend on `parts`.
 *   word 0  address of the scratch memory of part 0      word 1  bytes from one part's scratch memory to the next
 *   word 2..  what the encoder wrote
 */
import type { DType, Shape } from '../../tensor.ts';

/** A tensor in the memory of the instance that will run the command. */
export interface Located {
  readonly address: number;
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface CommandWriter {
  /**
   * Starts a record for this kernel. `after`: all parts of the op's earlier commands must have ended first.
   * `scratchBytes` per part, defined only while the command runs.
   */
  begin(kernel: string, options?: { after?: boolean; scratchBytes?: number }): void;
  u32(value: number): void;
  f32(value: number): void;
  /** Address of memory shared by all parts and commands of this op. */
  temp(bytes: number): number;
}

/** Writes the commands of one op. */
export type Encoder<Attrs> = (
  to: CommandWriter,
  inputs: readonly Located[],
  outputs: readonly Located[],
  attrs: Attrs,
) => void;
