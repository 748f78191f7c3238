/** Which memory the commands since the last barrier read and wrote: tells when the next one must wait for them. */

/** Bytes `start` to `end` (exclusive) of a bank. */
export interface Range {
  readonly bank: number;
  readonly start: number;
  readonly end: number;
}

const overlap = (a: Range, b: Range): boolean => a.bank === b.bank && a.start < b.end && b.start < a.end;

export class Hazards {
  readonly #reads: Range[] = [];
  readonly #writes: Range[] = [];

  /** Would a command with these ranges get in the way of those before? */
  conflict(reads: readonly Range[], writes: readonly Range[]): boolean {
    const touches = (some: readonly Range[], others: readonly Range[]) =>
      some.some((a) => others.some((b) => overlap(a, b)));
    return touches(this.#writes, reads) || touches(this.#writes, writes) || touches(this.#reads, writes);
  }

  add(reads: readonly Range[], writes: readonly Range[]): void {
    this.#reads.push(...reads);
    this.#writes.push(...writes);
  }

  /** A barrier was passed. */
  clear(): void {
    this.#reads.length = 0;
    this.#writes.length = 0;
  }
}
