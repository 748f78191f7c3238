/** Bytes per second that a bare SIMD loop reads, with as many threads as the model is measured with. */
import { readFile } from 'node:fs/promises';
import { Bank } from '../src/backends/wasm/bank.ts';
import { HEAD_WORDS } from '../src/backends/wasm/command.ts';
import { immediateExecutor, threadedExecutor } from '../src/backends/wasm/executor.ts';
import { nodePlatform } from '../src/backends/wasm/platform-node.ts';

export interface ReadLoop {
  /** Seconds for one pass over all bytes. */
  pass(): Promise<number>;
  dispose(): Promise<void>;
}

/** Takes memory of `bytes`, at most some 3.7 GiB, and writes to it so that it is really there. */
export async function readLoop(bytes: number, threads: number): Promise<ReadLoop> {
  const size = Math.floor(bytes / 256) * 256;
  const shared = threads > 1;
  const file = new URL(`./build/read-loop${shared ? '-shared' : ''}.wasm`, import.meta.url);
  const module = await WebAssembly.compile(await readFile(file));
  const executor = shared
    ? await threadedExecutor(nodePlatform, module, threads)
    : immediateExecutor(nodePlatform, module);
  const bank = new Bank(0, shared, 2 ** 32);
  executor.hold(true); // until dispose
  const start = bank.takeLive(size)?.address;
  const scratch = bank.take(64 * threads);
  const args = bank.mail.take(4 * (HEAD_WORDS + 2));
  if (start === undefined || scratch === undefined || args === undefined)
    throw new RangeError(`no memory for ${bytes} bytes`);
  executor.addMemory(bank.memory); // now that it is as large as it gets
  new Uint8Array(bank.memory.buffer, start, size).fill(1);
  return {
    async pass() {
      new Uint32Array(bank.memory.buffer, args, HEAD_WORDS + 2).set([scratch, 64, 0, start, size]);
      const begin = performance.now();
      executor.post({ kernel: 0, barrier: true, bank: 0, args });
      await executor.fence();
      return (performance.now() - begin) / 1000;
    },
    dispose: () => executor.dispose(),
  };
}
