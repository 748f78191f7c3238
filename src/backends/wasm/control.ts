/**
 * The shared memory through which the main thread hands commands to the computing threads. The main thread appends them to a ring buffer and
 * takes no lock. Threads wait for commands in a loop for a moment, then sleep.
 */

/** Int32 indices into the control memory. */
const POSTED = 0; // commands appended so far, modulo 2^32
const STOPPED = 1; // 1 after a kernel has trapped, or when the threads are to end
const ASLEEP = 2; // threads that sleep, or are about to
const FIRST_DONE = 16; // commands that part p has ended: FIRST_DONE + 16 p, a cache line each

/** Commands that can wait in the ring. */
const RING_COMMANDS = 4096;
export const COMMAND_WORDS = 3;

/** How often a thread looks at a counter before it sleeps: about 20 microseconds, less than waking up takes. */
const SPINS = 2000;

/** What a thread is to do: a kernel, or one of these. */
export const FENCE = -1; // tell the main thread that all before is done
export const LEAVE = -2; // return to the event loop, where a message waits
export const CARRY = -3; // copy from one memory to another, as its words say
export const GROWN = -4; // this memory has grown: look again how large it is

export interface Command {
  /** Index among the kernels, or FENCE, LEAVE, CARRY, GROWN. */
  readonly kernel: number;
  /** Wait until all parts have ended all commands before. */
  readonly barrier: boolean;
  readonly bank: number;
  /** Address of the command's words, or what the special commands need. */
  readonly args: number;
}

export function controlBytes(parts: number): number {
  return 4 * (FIRST_DONE + 16 * parts + COMMAND_WORDS * RING_COMMANDS);
}

/** Appends the words of a command. */
export function packCommand({ kernel, barrier, bank, args }: Command, to: number[]): void {
  to.push(kernel, (bank << 1) | (barrier ? 1 : 0), args | 0);
}

export function unpackCommand(words: ArrayLike<number>, at: number): Command {
  const [kernel, flags, args] = [words[at], words[at + 1], words[at + 2]] as [number, number, number];
  return { kernel, barrier: (flags & 1) === 1, bank: flags >>> 1, args: args >>> 0 };
}

/** The main thread's side. */
export class Poster {
  readonly #words: Int32Array;
  readonly #parts: number;
  #posted = 0;
  /** Words of a command on its way. */
  readonly #one: number[] = [];

  constructor(control: SharedArrayBuffer, parts: number) {
    this.#words = new Int32Array(control);
    this.#parts = parts;
  }

  post(command: Command): void {
    this.#one.length = 0;
    packCommand(command, this.#one);
    this.postAll(this.#one);
  }

  /** Commands as of packCommand, one after another. */
  postAll(commands: ArrayLike<number>): void {
    const count = commands.length / COMMAND_WORDS;
    for (let first = 0; first < count; first += RING_COMMANDS / 2) {
      const some = Math.min(count - first, RING_COMMANDS / 2);
      // Spinning is allowed everywhere, and a full ring empties within milliseconds.
      while (this.#behind() >= RING_COMMANDS - some) if (this.#stopped) return;
      for (let i = first; i < first + some; i++) {
        const at = slot(this.#parts, this.#posted);
        for (let k = 0; k < COMMAND_WORDS; k++) this.#words[at + k] = commands[COMMAND_WORDS * i + k] as number;
        this.#posted = (this.#posted + 1) | 0;
      }
      Atomics.store(this.#words, POSTED, this.#posted);
      wake(this.#words, POSTED);
    }
  }

  /** Spins until all that was posted has ended, or the threads have stopped. */
  wait(): void {
    while (this.#behind() > 0 && !this.#stopped);
  }

  /** Makes all threads leave their loops after the command at which they are. */
  stop(): void {
    Atomics.store(this.#words, STOPPED, 1);
    Atomics.notify(this.#words, POSTED);
    for (let p = 0; p < this.#parts; p++) Atomics.notify(this.#words, FIRST_DONE + 16 * p);
  }

  get #stopped(): boolean {
    return Atomics.load(this.#words, STOPPED) !== 0;
  }

  #behind(): number {
    let most = 0;
    for (let p = 0; p < this.#parts; p++) {
      most = Math.max(most, (this.#posted - Atomics.load(this.#words, FIRST_DONE + 16 * p)) | 0);
    }
    return most;
  }
}

/** A computing thread's side. */
export class Taker {
  readonly #words: Int32Array;
  readonly #part: number;
  readonly #parts: number;
  #next = 0;

  constructor(control: SharedArrayBuffer, part: number, parts: number) {
    this.#words = new Int32Array(control);
    this.#part = part;
    this.#parts = parts;
  }

  /** The next command, once it may run. Sleeps until there is one; undefined when the threads have stopped. */
  take(): Command | undefined {
    this.#await(POSTED, 1);
    const at = slot(this.#parts, this.#next);
    const command = unpackCommand(this.#words, at);
    if (command.barrier)
      for (let p = 0; p < this.#parts; p++) if (p !== this.#part) this.#await(FIRST_DONE + 16 * p, 0);
    if (Atomics.load(this.#words, STOPPED) !== 0) return undefined;
    return command;
  }

  done(): void {
    this.#next = (this.#next + 1) | 0;
    Atomics.store(this.#words, FIRST_DONE + 16 * this.#part, this.#next);
    wake(this.#words, FIRST_DONE + 16 * this.#part);
  }

  fail(): void {
    Atomics.store(this.#words, STOPPED, 1);
  }

  /** Waits until counter `index` is at least `ahead` commands beyond those this part has ended. */
  #await(index: number, ahead: number): void {
    for (let spins = 0; ; spins++) {
      const value = Atomics.load(this.#words, index);
      if (((value - this.#next) | 0) >= ahead) return;
      if (Atomics.load(this.#words, STOPPED) !== 0) return;
      // A thread that failed wakes no other, and one that is about to sleep misses `stop`, so look again from time to time.
      if (spins < SPINS) continue;
      Atomics.add(this.#words, ASLEEP, 1);
      Atomics.wait(this.#words, index, value, 1000);
      Atomics.sub(this.#words, ASLEEP, 1);
    }
  }
}

/** Notifying takes a lock even where no thread sleeps. A thread that is about to sleep looks at the counter once more, and finds it changed. */
function wake(words: Int32Array, index: number): void {
  if (Atomics.load(words, ASLEEP) > 0) Atomics.notify(words, index);
}

function slot(parts: number, index: number): number {
  return FIRST_DONE + 16 * parts + COMMAND_WORDS * (index & (RING_COMMANDS - 1));
}
