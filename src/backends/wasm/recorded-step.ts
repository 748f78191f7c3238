/**
 * The commands of a step, kept to be run again. Decoding repeats one step for every token. Encoding it each time would take the
 * main thread as long as small kernels take to compute. The words of the commands stay where they are, with all addresses; only the
 * uploaded numbers are written again.
 */
import type { Uploadable } from '../../base/tensor.ts';
import type { Bank, CommandMemory } from './bank.ts';
import { type Command, packCommand } from './control.ts';

/** Where an upload lies. */
export interface Room {
  readonly bank: Bank;
  readonly address: number;
  readonly bytes: number;
}

export class RecordedStep {
  readonly uploads: Room[] = [];
  readonly #memories = new Map<Bank, CommandMemory>();
  readonly #words: number[] = [];
  /** Commands whose counter of pieces of work must be set back. */
  readonly #counters: { readonly bank: Bank; readonly address: number }[] = [];
  #commands: Int32Array | undefined;
  #taken = 0;

  /** Room in memory that belongs to the recording. */
  take(bank: Bank, bytes: number): number | undefined {
    let memory = this.#memories.get(bank);
    if (!memory) {
      memory = bank.newCommandMemory();
      this.#memories.set(bank, memory);
    }
    const before = memory.taken;
    const address = memory.take(bytes);
    this.#taken += memory.taken - before;
    return address;
  }

  /** How many chunks and larger pieces of memory have been taken from banks. */
  get taken(): number {
    return this.#taken;
  }

  add(command: Command, words?: { bank: Bank; address: number }): void {
    packCommand(command, this.#words);
    if (words) this.#counters.push(words);
  }

  /** Forgets everything but its memory. */
  clear(): void {
    this.uploads.length = 0;
    for (const memory of this.#memories.values()) memory.empty();
    this.#words.length = 0;
    this.#counters.length = 0;
    this.#commands = undefined;
  }

  /** Writes these uploads, and gives the commands as of packCommand. Undefined when they are not as many or not as large as the recorded ones. */
  rewind(uploads: readonly Uploadable[]): Int32Array | undefined {
    const alike = uploads.every(({ byteLength }, i) => byteLength === this.uploads[i]?.bytes);
    if (!alike || uploads.length !== this.uploads.length) return undefined;
    uploads.forEach((data, i) => {
      const { bank, address, bytes } = this.uploads[i] as Room;
      const source = new Uint8Array(data.buffer, data.byteOffset, bytes);
      new Uint8Array(bank.memory.buffer, address, bytes).set(source);
    });
    for (const { bank, address } of this.#counters) bank.words[address / 4 + 2] = 0;
    this.#commands ??= Int32Array.from(this.#words);
    return this.#commands;
  }
}
