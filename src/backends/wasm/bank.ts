/** One WebAssembly memory: at most 4 GiB. A backend has as many as its weights need. */
import { Heap, type Taken } from './heap.ts';

const PAGE = 65536;
const MAX_PAGES = 65536;

/** The words of a step's commands come into pieces of this size. */
const MAIL_BYTES = 1 << 16;

/** Share of a bank that weights and states leave to the values of a step. */
const STEP_SHARE = 1 / 16;

/** Of one live tensor: it lies in one memory, beside what a step needs. Engines that grant smaller memories take less. */
export const MAX_TENSOR_BYTES = (MAX_PAGES - 1) * PAGE * (1 - STEP_SHARE);

/** What is taken from the system ahead for the values of a step, as a share of the bank's weights and states, and at most. */
const AHEAD_SHARE = 1 / 4;
const MAX_AHEAD_BYTES = 64 << 20;

/** Smallest scratch memory of a part. */
const MIN_SCRATCH_BYTES = 1 << 12;

/** Of the processor, not of WebAssembly: the smallest there is. */
const SYSTEM_PAGE = 4096;

/** The kernels' static data, if any, lies below. */
const HEAP_START = 4096;

export interface Scratch {
  /** Of part 0. */
  readonly address: number;
  /** Bytes from one part to the next. */
  readonly stride: number;
  readonly moved: boolean;
}

export class Bank {
  readonly index: number;
  readonly memory: WebAssembly.Memory;
  readonly #heap: Heap;
  readonly #liveLimit: number;
  #liveBytes = 0;
  /** For what the main thread writes in a step. */
  readonly mail: Mail;
  /** Scratch memory that became too small, until the step has ended. */
  readonly #outgrown: number[] = [];
  #scratch = { address: 0, stride: 0 };
  #words: Uint32Array | undefined;

  /** `onGrow` is called when the memory has grown. Throws RangeError when the engine grants no memory. */
  constructor(index: number, shared: boolean, maxBytes: number, onGrow: () => void = () => {}) {
    this.index = index;
    const { memory, bytes } = newMemory(shared, maxBytes);
    this.memory = memory;
    this.#liveLimit = bytes * (1 - STEP_SHARE);
    this.#heap = new Heap({
      start: HEAP_START,
      end: PAGE,
      limit: bytes,
      grow: (pages) => {
        try {
          memory.grow(pages);
        } catch {
          return false;
        }
        this.#words = undefined;
        onGrow();
        return true;
      },
    });
    this.mail = new Mail(this.#heap, (bytes) => this.#heap.takeQuiet(bytes));
  }

  /** Memory for the commands of a recorded step. */
  newMail(): Mail {
    return new Mail(this.#heap, (bytes) => this.#takeKept(bytes));
  }

  /** The whole memory, until it grows. */
  get words(): Uint32Array {
    this.#words ??= new Uint32Array(this.memory.buffer);
    return this.#words;
  }

  /** Bytes taken from the system. */
  get size(): number {
    return this.memory.buffer.byteLength;
  }

  takeLive(bytes: number): Taken | undefined {
    if (this.#liveBytes + bytes > this.#liveLimit) return undefined;
    const taken = this.#heap.take(bytes);
    if (!taken) return undefined;
    if (!this.#leavesRoom(this.#liveBytes + bytes)) {
      this.#heap.free(taken.address);
      return undefined;
    }
    this.#liveBytes += bytes;
    return taken;
  }

  /**
   * Is there memory for the values of a step, beside `liveBytes` of weights and states? Phones refuse memory long before the maximum is reached: a
   * bank that is full could then compute nothing.
   */
  #leavesRoom(liveBytes: number): boolean {
    return this.#heap.reserve(Math.min(AHEAD_SHARE * liveBytes, MAX_AHEAD_BYTES));
  }

  /** For a recorded step, which outlives its step: only where memory is left for the values of others. */
  #takeKept(bytes: number): Taken | undefined {
    const taken = this.#heap.takeQuiet(bytes);
    if (!taken || this.#leavesRoom(this.#liveBytes)) return taken;
    this.#heap.free(taken.address);
    return undefined;
  }

  /**
   * Writes to every page of memory that nobody has used, in their order. A system gives memory page by page when it is first written to; pages that
   * threads ask for by turns, between those of files, lie scattered, and are read a quarter more slowly for as long as they live.
   */
  touch(address: number, bytes: number): void {
    const { words } = this;
    for (let at = address; at < address + bytes; at += SYSTEM_PAGE) words[at >>> 2] = 0;
  }

  freeLive(address: number, bytes: number): void {
    this.#heap.free(address);
    this.#liveBytes -= bytes;
  }

  take(bytes: number): number | undefined {
    return this.#heap.take(bytes)?.address;
  }

  free(address: number): void {
    this.#heap.free(address);
  }

  /**
   * At least `bytes` for each part. Part p never touches what belongs to another, and does one command after the other, so that all
   * commands share this memory without waiting for each other; only the first after it has `moved` waits for all before it.
   */
  scratch(bytes: number, parts: number): Scratch | undefined {
    const { address, stride } = this.#scratch;
    if (bytes <= stride) return { address, stride, moved: false };
    let wider = MIN_SCRATCH_BYTES; // a power of two
    while (wider < bytes) wider *= 2;
    const taken = this.#heap.take(wider * parts);
    if (!taken) return undefined;
    if (stride > 0) this.#outgrown.push(address); // commands in flight may be using it
    this.#scratch = { address: taken.address, stride: wider };
    return { ...this.#scratch, moved: true };
  }

  /** After a step, when nothing is in flight. */
  settle(): void {
    this.mail.empty();
    for (const address of this.#outgrown) this.#heap.free(address);
    this.#outgrown.length = 0;
    this.#heap.settle();
  }
}

/** Memory that the main thread writes while commands run: nothing that is in flight uses it. */
export class Mail {
  readonly #heap: Heap;
  readonly #take: (bytes: number) => Taken | undefined;
  /** Of MAIL_BYTES, kept when the mail is emptied. */
  readonly #pieces: number[] = [];
  /** What is too large for them. */
  readonly #parcels: number[] = [];
  #index = 0;
  #used = 0;

  constructor(heap: Heap, take: (bytes: number) => Taken | undefined) {
    this.#heap = heap;
    this.#take = take;
  }

  /** Pieces of memory taken from the bank so far. */
  get pieces(): number {
    return this.#pieces.length + this.#parcels.length;
  }

  take(bytes: number): number | undefined {
    if (bytes > MAIL_BYTES) {
      const taken = this.#take(bytes);
      if (taken) this.#parcels.push(taken.address);
      return taken?.address;
    }
    if (this.#used + bytes > MAIL_BYTES) {
      this.#index++;
      this.#used = 0;
    }
    if (this.#index === this.#pieces.length) {
      const taken = this.#take(MAIL_BYTES);
      if (!taken) return undefined;
      this.#pieces.push(taken.address);
    }
    const address = (this.#pieces[this.#index] as number) + this.#used;
    this.#used += Math.ceil(bytes / 16) * 16;
    return address;
  }

  /** Everything may be written over. */
  empty(): void {
    for (const address of this.#parcels) this.#heap.free(address);
    this.#parcels.length = 0;
    this.#index = 0;
    this.#used = 0;
  }
}

/** As large as the engine lets a memory become: some reserve the address space of shared ones at once. */
function newMemory(shared: boolean, maxBytes: number): { memory: WebAssembly.Memory; bytes: number } {
  let failure: unknown;
  for (let maximum = Math.min(MAX_PAGES, Math.ceil(maxBytes / PAGE)); maximum > 0; maximum >>= 1) {
    try {
      const memory = new WebAssembly.Memory({ initial: 1, maximum, shared });
      return { memory, bytes: maximum * PAGE - PAGE }; // the last address must fit 32 bits with room to spare
    } catch (error) {
      failure = error;
    }
  }
  throw new RangeError('the engine grants no WebAssembly memory', { cause: failure });
}
