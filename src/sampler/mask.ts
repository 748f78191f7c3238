/** Which tokens may come next: a set of ids for each step of each sequence, applied after all penalties and biases, before a token is drawn. */

/** Begins with each sequence anew. */
export interface TokenMask {
  /** `endIds`: ids that end a sequence; allowed where what was written may be whole. */
  begin(endIds: ReadonlySet<number>): SequenceMask;
}

export interface SequenceMask {
  /** A bit for each id, the lowest of a word first: 1 where the id may come next. Ids beyond are forbidden. Valid until the next `accept`. */
  allowed(): Uint32Array;
  /** Takes the id that was chosen. */
  accept(id: number): void;
  /** Is all written, so that nothing can follow? The sequence then ends. */
  readonly complete: boolean;
}

const ALL = 0xffffffff;

/** Forbids what the mask does not allow. Changes scores[V] in place. */
export function applyMask(scores: Float32Array, allowed: Uint32Array): void {
  for (let first = 0; first < scores.length; first += 32) {
    const word = first >>> 5 < allowed.length ? (allowed[first >>> 5] as number) : 0;
    if (word === ALL) continue;
    const end = Math.min(scores.length, first + 32);
    if (word === 0) scores.fill(Number.NEGATIVE_INFINITY, first, end);
    else
      for (let id = first; id < end; id++) if (((word >>> (id & 31)) & 1) === 0) scores[id] = Number.NEGATIVE_INFINITY;
  }
}
