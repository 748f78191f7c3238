/** A loop in WebAssembly that does one thing only, run as the backend runs its kernels: on as many threads, from the same commands. */
import { readFile } from 'node:fs/promises';
import { Bank } from '../src/backends/wasm/bank.ts';
import { HEAD_WORDS } from '../src/backends/wasm/command.ts';
import { immediateExecutor, threadedExecutor } from '../src/backends/wasm/executor.ts';
import { nodePlatform } from '../src/backends/wasm/platform-node.ts';
import { kernelNames } from '../src/backends/wasm/thread.ts';

/** Scratch memory of a thread. */
const SCRATCH_BYTES = 384;
/** That a kernel gets at most. */
const MAX_WORDS = 3;

export interface BareLoop {
  /** Address of the operands. */
  readonly start: number;
  /** Seconds that a kernel takes with these words. */
  run(kernel: string, words: readonly number[]): Promise<number>;
  dispose(): Promise<void>;
}

/** `name` is that of a file in bench/build. Takes memory for operands, at most some 3.7 GiB, and fills it, so that it is really there. */
export async function bareLoop(name: string, threads: number, operandBytes: number, fill: number): Promise<BareLoop> {
  const shared = threads > 1;
  const file = new URL(`./build/${name}${shared ? '-shared' : ''}.wasm`, import.meta.url);
  const module = await WebAssembly.compile(await readFile(file));
  const kernels = kernelNames(module);
  const executor = shared
    ? await threadedExecutor(nodePlatform, module, threads)
    : immediateExecutor(nodePlatform, module);
  const bank = new Bank(0, shared, 2 ** 32);
  const start = bank.takeLive(operandBytes)?.address;
  const scratch = bank.take(SCRATCH_BYTES * threads);
  const args = bank.commands.take(4 * (HEAD_WORDS + MAX_WORDS));
  if (start === undefined || scratch === undefined || args === undefined) {
    await executor.dispose();
    throw new RangeError(`no memory for ${operandBytes} bytes`);
  }
  executor.hold(true); // until dispose
  executor.addMemory(bank.memory); // now that it is as large as it gets
  new Uint8Array(bank.memory.buffer, start, operandBytes).fill(fill);
  return {
    start,
    async run(kernel, words) {
      const head = [scratch, SCRATCH_BYTES, 0];
      new Uint32Array(bank.memory.buffer, args, HEAD_WORDS + words.length).set([...head, ...words]);
      const begin = performance.now();
      executor.post({ kernel: kernels.indexOf(kernel), barrier: true, bank: 0, args });
      await executor.fence();
      return (performance.now() - begin) / 1000;
    },
    dispose: () => executor.dispose(),
  };
}

/** Seconds of one call: the median of three measurements, each of as many calls as fill 20 ms. */
export async function steady(call: () => Promise<number>): Promise<number> {
  const means: number[] = [];
  for (let i = 0; i < 3; i++) {
    let seconds = 0;
    let calls = 0;
    for (; seconds < 0.02; calls++) seconds += await call();
    means.push(seconds / calls);
  }
  return median(means);
}

/** Calls until the engine has had the time to compile at its best: it does so beside the first calls. */
export async function warmUp(call: () => Promise<number>): Promise<void> {
  const end = performance.now() + 300;
  do await call();
  while (performance.now() < end);
}

/** The upper one of two in the middle. */
export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] as number;
}
