/** Where tokens are kept, one document after another: in memory or in shards on disk. */

export interface TokenSlice {
  readonly ids: Uint32Array;
  /** 1 for ids that count as targets. Absent: all do. */
  readonly mask?: Uint8Array | undefined;
}

export interface TokenStore {
  readonly tokens: number;
  readonly documents: number;
  /** Are there ids that do not count as targets? */
  readonly isMasked: boolean;
  /** Where each source file ends, in tokens from the beginning. Files without documents repeat the end before them. */
  readonly fileEnds: readonly number[];
  /** Names the content: equal for the same tokens in the same order. */
  readonly identity: string;
  /** Throws CheckpointError when what is stored is damaged. */
  read(start: number, length: number): Promise<TokenSlice>;
  /** Where each document ends, in tokens from the beginning. */
  documentEnds(): Promise<Float64Array>;
  close(): Promise<void>;
}
