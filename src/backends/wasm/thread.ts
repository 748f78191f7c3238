/** What a computing thread does, whatever kind of worker it runs in. */
import { CARRY, FENCE, GROWN, LEAVE, Taker } from './control.ts';

/** From the main thread. */
export type ToThread =
  | {
      readonly kind: 'start';
      readonly module: WebAssembly.Module;
      readonly control: SharedArrayBuffer;
      readonly part: number;
      readonly parts: number;
    }
  | { readonly kind: 'bank'; readonly memory: WebAssembly.Memory };

/** To the main thread. */
export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'fence'; readonly number: number }
  /** It has stopped, and computes nothing any more. */
  | { readonly kind: 'left' }
  | { readonly kind: 'failed'; readonly message: string };

export type Kernel = (args: number, part: number, parts: number) => void;

/** The kernels of a module on one memory, in an order that all threads share. */
export function kernelsOn(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernel[] {
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort } });
  return kernelNames(module).map((name) => exports[name] as Kernel);
}

export function kernelNames(module: WebAssembly.Module): string[] {
  return WebAssembly.Module.exports(module)
    .filter(({ kind }) => kind === 'function')
    .map(({ name }) => name);
}

function abort(): never {
  throw new Error('a kernel has given up');
}

/** Bytes on their way from one memory to another. */
export interface Carry {
  readonly fromBank: number;
  readonly from: number;
  readonly toBank: number;
  readonly to: number;
  readonly bytes: number;
}

const CARRY_WORDS = 5;

/** Writes the words of a transfer into the target's memory. */
export function writeCarry(memory: WebAssembly.Memory, at: number, carry: Carry): void {
  new Uint32Array(memory.buffer, at, CARRY_WORDS).set([
    carry.fromBank,
    carry.from,
    carry.toBank,
    carry.to,
    carry.bytes,
  ]);
}

export const carryBytes = 4 * CARRY_WORDS;

export function runCarry(memories: readonly WebAssembly.Memory[], bank: number, at: number): void {
  const words = new Uint32Array((memories[bank] as WebAssembly.Memory).buffer, at, CARRY_WORDS);
  const [fromBank = 0, from = 0, toBank = 0, to = 0, bytes = 0] = words;
  const source = new Uint8Array((memories[fromBank] as WebAssembly.Memory).buffer, from, bytes);
  new Uint8Array((memories[toBank] as WebAssembly.Memory).buffer, to, bytes).set(source);
}

/** A computing thread; `post` reaches the main thread. Gives the handler of its messages. */
export function createThread(post: (message: FromThread) => void): (message: ToThread) => void {
  let module: WebAssembly.Module;
  let taker: Taker;
  let part = 0;
  let parts = 1;
  const memories: WebAssembly.Memory[] = [];
  const kernels: Kernel[][] = [];

  const work = (): void => {
    for (;;) {
      const command = taker.take();
      if (!command) {
        post({ kind: 'left' });
        return;
      }
      const { kernel, bank, args } = command;
      if (kernel >= 0) (kernels[bank] as Kernel[])[kernel]!(args, part, parts);
      else if (kernel === CARRY && part === 0) runCarry(memories, bank, args);
      // V8 tells other threads of a growth by an interrupt, and until that is served fills, copies and views end at the old size.
      else if (kernel === GROWN) (memories[bank] as WebAssembly.Memory).grow(0);
      else if (kernel === FENCE && part === 0) post({ kind: 'fence', number: args });
      taker.done();
      if (kernel === LEAVE) return;
    }
  };
  return (message) => {
    try {
      if (message.kind === 'start') {
        ({ module, part, parts } = message);
        taker = new Taker(message.control, part, parts);
        post({ kind: 'ready' });
        return; // the first memory follows
      }
      memories.push(message.memory);
      kernels.push(kernelsOn(module, message.memory));
      work();
    } catch (error) {
      taker.fail();
      post({ kind: 'failed', message: error instanceof Error ? `${error.message}` : String(error) });
    }
  };
}
