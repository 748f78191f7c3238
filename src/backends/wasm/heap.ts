/** First-fit allocation inside of one WebAssembly memory. Knows addresses, not bytes. */

/** Alignment of addresses: that of cache lines. */
const ALIGN = 64;
const PAGE = 65536;

export interface Taken {
  readonly address: number;
  /** Never used before, and therefore still zero. */
  readonly fresh: boolean;
}

interface Gap {
  start: number;
  end: number;
}

export class Heap {
  readonly #limit: number;
  readonly #grow: (pages: number) => boolean;
  /** Gaps below #top, by address; never two without something between them. */
  readonly #gaps: Gap[] = [];
  readonly #sizes = new Map<number, number>();
  /** Nothing at or above is in use, or was since `settle`. */
  #top: number;
  /** Nothing at or above was ever handed out. */
  #clean: number;
  #end: number;
  #used = 0;

  /** Hands out addresses from `start` up to `limit`; `end` bytes are there already, `grow` asks for more. */
  constructor({
    start,
    end,
    limit,
    grow,
  }: { start: number; end: number; limit: number; grow(pages: number): boolean }) {
    this.#top = Math.ceil(start / ALIGN) * ALIGN;
    this.#clean = this.#top;
    this.#end = end;
    this.#limit = limit;
    this.#grow = grow;
  }

  /** Bytes handed out. */
  get used(): number {
    return this.#used;
  }

  /** Undefined when there is no room. */
  take(bytes: number): Taken | undefined {
    const size = rounded(bytes);
    const i = this.#gaps.findIndex(({ start, end }) => end - start >= size);
    const gap = this.#gaps[i];
    if (!gap) return this.takeQuiet(bytes);
    const address = gap.start;
    gap.start += size;
    if (gap.start === gap.end) this.#gaps.splice(i, 1);
    this.#note(address, size);
    return { address, fresh: false };
  }

  /** As `take`, but only memory that was not in use since `settle`, so that no running command uses it. */
  takeQuiet(bytes: number): Taken | undefined {
    const size = rounded(bytes);
    const address = this.#top;
    if (address + size > this.#limit) return undefined;
    if (!this.#reach(address + size)) return undefined;
    const fresh = address >= this.#clean;
    this.#top += size;
    this.#clean = Math.max(this.#clean, this.#top);
    this.#note(address, size);
    return { address, fresh };
  }

  /** Grows the memory so that `bytes` more can be handed out, or all up to the limit. False when the engine refuses. */
  reserve(bytes: number): boolean {
    return this.#reach(Math.min(this.#used + bytes, this.#limit));
  }

  free(address: number): void {
    const size = this.#sizes.get(address);
    if (size === undefined) throw new RangeError(`address ${address} is not in use`);
    this.#sizes.delete(address);
    this.#used -= size;
    let i = this.#gaps.findIndex(({ start }) => start > address);
    if (i < 0) i = this.#gaps.length;
    const [before, after] = [this.#gaps[i - 1], this.#gaps[i]];
    const end = address + size;
    if (before?.end === address && after?.start === end) {
      before.end = after.end;
      this.#gaps.splice(i, 1);
    } else if (before?.end === address) before.end = end;
    else if (after?.start === end) after.start = address;
    else this.#gaps.splice(i, 0, { start: address, end });
  }

  #reach(end: number): boolean {
    const missing = Math.ceil((end - this.#end) / PAGE);
    if (missing <= 0) return true;
    if (!this.#grow(missing)) return false;
    this.#end += missing * PAGE;
    return true;
  }

  /** Call it when no command is running. `takeQuiet` may then reuse what is free at the end, so that large uploads do not take new memory each time. */
  settle(): void {
    const last = this.#gaps.at(-1);
    if (last?.end !== this.#top) return;
    this.#top = last.start;
    this.#gaps.pop();
  }

  #note(address: number, size: number): void {
    this.#sizes.set(address, size);
    this.#used += size;
  }
}

const rounded = (bytes: number): number => Math.max(1, Math.ceil(bytes / ALIGN)) * ALIGN;
