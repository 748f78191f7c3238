/** Bytes per second that a bare SIMD loop reads, with as many threads as the model is measured with. */
import { bareLoop, steady, warmUp } from './bare-loop.ts';

export interface ReadLoop {
  /** Measures now. */
  bytesPerSecond(): Promise<number>;
  dispose(): Promise<void>;
}

/** It reads whole lines of so many. */
const LINE_BYTES = 512;

/** Read by one command: less, and starting it would count. */
const MIN_BYTES = 2 ** 26;

/** Reads `bytes` again and again, at most some 3.7 GiB: what lies in a cache of the processor is read faster. */
export async function readLoop(bytes: number, threads: number): Promise<ReadLoop> {
  const size = Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
  const loop = await bareLoop('read-loop', threads, size, 1);
  const times = Math.ceil(MIN_BYTES / size);
  const pass = () => loop.run('readLoop', [loop.start, size, times]);
  await warmUp(pass);
  return { bytesPerSecond: async () => (size * times) / (await steady(pass)), dispose: loop.dispose };
}
