/** What a model trains on: rows of token ids. */

/** One sequence. The target of each position but the last is the id after it. */
export interface TrainingRow {
  /** At least two ids. */
  readonly ids: Uint32Array;
  /** [ids.length - 1]: 1 where the target `ids[i + 1]` counts in the loss, 0 where it does not. Absent: all count. */
  readonly targetsMask?: Uint8Array | undefined;
}

/** The rows of an epoch, in an order of their own, read by number. */
export interface RowSource {
  readonly count: number;
  /** `index`: from 0 to count - 1. */
  read(index: number): Promise<TrainingRow>;
}
