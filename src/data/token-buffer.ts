/** Collects the tokens of documents, until they are stored. */
import type { EncodedDocument } from './encode.ts';

export interface TokenBlock {
  readonly ids: Uint32Array;
  /** Absent when all ids count as targets. */
  readonly mask?: Uint8Array | undefined;
  /** Where documents end, in ids from the beginning of the block. The last one may go on in the next block. */
  readonly ends: Uint32Array;
}

const FIRST_CAPACITY = 1 << 12;

export class TokenBuffer {
  #ids = new Uint32Array(FIRST_CAPACITY);
  #mask: Uint8Array | undefined;
  #ends: number[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** `endsHere`: is this the end of the document? */
  add({ ids, mask }: EncodedDocument, endsHere = true): void {
    this.#reserve(this.#length + ids.length);
    this.#ids.set(ids, this.#length);
    if (mask) this.#mask ??= new Uint8Array(this.#ids.length).fill(1, 0, this.#length);
    if (mask) this.#mask?.set(mask, this.#length);
    else this.#mask?.fill(1, this.#length, this.#length + ids.length);
    this.#length += ids.length;
    if (endsHere) this.#ends.push(this.#length);
  }

  #reserve(length: number): void {
    if (length <= this.#ids.length) return;
    const capacity = Math.max(length, this.#ids.length * 2);
    const ids = new Uint32Array(capacity);
    ids.set(this.#ids.subarray(0, this.#length));
    this.#ids = ids;
    if (!this.#mask) return;
    const mask = new Uint8Array(capacity);
    mask.set(this.#mask.subarray(0, this.#length));
    this.#mask = mask;
  }

  /** What was collected; valid until the next `add`. The buffer is empty then. */
  take(): TokenBlock {
    const block = {
      ids: this.#ids.subarray(0, this.#length),
      mask: this.#mask?.subarray(0, this.#length),
      ends: Uint32Array.from(this.#ends),
    };
    this.#mask = undefined;
    this.#ends = [];
    this.#length = 0;
    return block;
  }
}
