/** Who runs the commands: the calling thread at once, or a pool of threads. */
import {
  CARRY,
  COMMAND_WORDS,
  type Command,
  controlBytes,
  FENCE,
  GROWN,
  LEAVE,
  Poster,
  unpackCommand,
} from './control.ts';
import type { Platform, Thread } from './platform.ts';
import { type Kernel, kernelsOn, runCarry } from './thread.ts';

export interface Executor {
  readonly parts: number;
  addMemory(memory: WebAssembly.Memory): void;
  post(command: Command): void;
  /** Commands as of packCommand, one after another. */
  postAll(commands: Int32Array): void;
  /** Settles when all that was posted has ended. Rejects when a kernel has failed; nothing runs after that. */
  fence(): Promise<void>;
  /** Blocks until all that was posted has ended, or failed. */
  wait(): void;
  /** Between these the process must stay alive. */
  hold(busy: boolean): void;
  dispose(): Promise<void>;
}

/** Milliseconds after which the calling thread, if it computes itself, yields to events: less than a frame at 60 per second. */
const MAX_BLOCKED_MS = 10;

export function immediateExecutor(platform: Platform, module: WebAssembly.Module): Executor {
  let resumed = performance.now();
  const memories: WebAssembly.Memory[] = [];
  const kernels: Kernel[][] = [];
  const post = ({ kernel, bank, args }: Command): void => {
    if (kernel === CARRY) runCarry(memories, bank, args);
    else if (kernel !== GROWN) (kernels[bank] as Kernel[])[kernel]!(args, 0, 1);
  };
  return {
    parts: 1,
    addMemory(memory) {
      memories.push(memory);
      kernels.push(kernelsOn(module, memory));
    },
    post,
    postAll(commands) {
      for (let at = 0; at < commands.length; at += COMMAND_WORDS) post(unpackCommand(commands, at));
    },
    async fence() {
      // Promises alone would block timers, signals and painting for as long as a text is generated.
      if (performance.now() - resumed < MAX_BLOCKED_MS) return;
      await platform.pause();
      resumed = performance.now();
    },
    wait: () => {},
    hold: () => {},
    dispose: async () => {},
  };
}

/** Threads that are ready to compute. Rejects when one cannot start, and ends the others. */
export async function threadedExecutor(
  platform: Platform,
  module: WebAssembly.Module,
  parts: number,
): Promise<Executor> {
  const control = new SharedArrayBuffer(controlBytes(parts));
  const poster = new Poster(control, parts);
  const threads: Thread[] = Array.from({ length: parts }, () => platform.startThread());
  const waiting = new Map<number, { resolve(): void; reject(error: Error): void }>();
  let failure: Error | undefined;
  let fences = 0;
  let banks = 0;
  /** Threads that may be in their loop, where they hear no message. */
  const inLoop = new Set<Thread>();
  let onAllLeft = (): void => {};

  const fail = (error: Error): void => {
    failure ??= error;
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };
  const leave = (thread: Thread): void => {
    inLoop.delete(thread);
    if (inLoop.size === 0) onAllLeft();
  };
  const hold = (busy: boolean): void => {
    for (const thread of threads) thread.hold(busy);
  };
  const end = async (): Promise<void> => void (await Promise.all(threads.map((thread) => thread.end())));
  await Promise.all(
    threads.map(
      (thread, part) =>
        new Promise<void>((resolve, reject) => {
          thread.onError((error) => {
            reject(error);
            fail(error);
            leave(thread);
          });
          thread.onMessage((message) => {
            if (message.kind === 'ready') resolve();
            else if (message.kind === 'fence') {
              waiting.get(message.number)?.resolve();
              waiting.delete(message.number);
            } else {
              if (message.kind === 'failed') fail(new Error(`a computing thread has failed: ${message.message}`));
              leave(thread);
            }
          });
          thread.hold(true);
          thread.post({ kind: 'start', module, control, part, parts });
        }),
    ),
  ).catch(async (error: Error) => {
    await end();
    throw error;
  });
  hold(false);

  return {
    parts,
    addMemory(memory) {
      // Threads must leave their loop to receive a message.
      if (banks++ > 0) poster.post({ kernel: LEAVE, barrier: false, bank: 0, args: 0 });
      for (const thread of threads) {
        if (!failure) inLoop.add(thread);
        thread.post({ kind: 'bank', memory });
      }
    },
    post: (command) => poster.post(command),
    postAll: (commands) => poster.postAll(commands),
    fence() {
      if (failure) return Promise.reject(failure);
      const number = fences++;
      const passed = new Promise<void>((resolve, reject) => waiting.set(number, { resolve, reject }));
      poster.post({ kernel: FENCE, barrier: true, bank: 0, args: number });
      return passed;
    },
    wait: () => poster.wait(),
    hold,
    async dispose() {
      fail(new Error('this backend was disposed'));
      poster.stop();
      hold(true);
      // Browsers end a thread that is in its loop only after seconds.
      if (inLoop.size > 0)
        await new Promise<void>((resolve) => {
          onAllLeft = resolve;
        });
      await end();
    },
  };
}
