/** One WebAssembly memory: at most 4 GiB. A backend has as many as its weights need. */
import { Heap, type Taken } from './heap.ts';

const PAGE = 65536;
const MAX_PAGES = 65536;

/** Memory for commands and uploads is taken in chunks of this size. */
const CHUNK_BYTES = 1 << 16;

/** Share of a bank that is not given to weights and states, but kept for the intermediate values of a step. */
const STEP_SHARE = 1 / 16;

/** The largest live tensor: it must fit into one memory, beside the intermediate values of a step. Less where the engine grants only smaller memories. */
export const MAX_TENSOR_BYTES = (MAX_PAGES - 1) * PAGE * (1 - STEP_SHARE);

/** Memory that must be available for the intermediate values of a step: this share of the bank's weights and states, but not more than so many bytes. */
const AHEAD_SHARE = 1 / 4;
const MAX_AHEAD_BYTES = 64 << 20;

/** Smallest scratch memory of a thread. */
const MIN_SCRATCH_BYTES = 1 << 12;

/** Smallest page size of processors (not the page of WebAssembly). */
const SYSTEM_PAGE = 4096;

/** Addresses below this hold static data of the kernels. */
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
  /** For commands and uploads of the running step. */
  readonly commands: CommandMemory;
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
    this.commands = new CommandMemory(this.#heap, (bytes) => this.#heap.takeQuiet(bytes));
  }

  /** For the commands and uploads of a recorded step. */
  newCommandMemory(): CommandMemory {
    return new CommandMemory(this.#heap, (bytes) => this.#takeKept(bytes));
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
   * Writes to every page of new memory, in order. A system assigns pages when they are first written to; pages that threads touch
   * alternately, while files are being read, are scattered, and reading them is a quarter slower for as long as they live.
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
   * At least `bytes` for each part. Each part uses only its own memory, for one command after another, so commands need not wait for each
   * other because of it. Only the first command after it has `moved` waits for all earlier ones.
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

  /** Call it after a step, when all commands have ended. */
  settle(): void {
    this.commands.empty();
    for (const address of this.#outgrown) this.#heap.free(address);
    this.#outgrown.length = 0;
    this.#heap.settle();
  }
}

/** Memory that the main thread writes to while commands run. No command that has been posted before uses it. */
export class CommandMemory {
  readonly #heap: Heap;
  readonly #take: (bytes: number) => Taken | undefined;
  /** Addresses, each of CHUNK_BYTES; kept by `empty`. */
  readonly #chunks: number[] = [];
  /** Addresses of what is larger than a chunk. */
  readonly #large: number[] = [];
  #index = 0;
  #used = 0;

  constructor(heap: Heap, take: (bytes: number) => Taken | undefined) {
    this.#heap = heap;
    this.#take = take;
  }

  /** How many chunks and larger pieces have been taken from the bank. */
  get taken(): number {
    return this.#chunks.length + this.#large.length;
  }

  take(bytes: number): number | undefined {
    if (bytes > CHUNK_BYTES) {
      const taken = this.#take(bytes);
      if (taken) this.#large.push(taken.address);
      return taken?.address;
    }
    if (this.#used + bytes > CHUNK_BYTES) {
      this.#index++;
      this.#used = 0;
    }
    if (this.#index === this.#chunks.length) {
      const taken = this.#take(CHUNK_BYTES);
      if (!taken) return undefined;
      this.#chunks.push(taken.address);
    }
    const address = (this.#chunks[this.#index] as number) + this.#used;
    this.#used += Math.ceil(bytes / 16) * 16;
    return address;
  }

  /** From now on everything in it may be overwritten. */
  empty(): void {
    for (const address of this.#large) this.#heap.free(address);
    this.#large.length = 0;
    this.#index = 0;
    this.#used = 0;
  }
}

/** The largest memory that the engine grants. Some engines reserve the address space of shared memories at once. */
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
