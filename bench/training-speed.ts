/** How fast this machine trains: floating-point operations per second of products of matrices, forward and backward, by the kernels that a run would use. */
import { Tape } from '../src/autodiff/tape.ts';
import { eager } from '../src/backends/eager.ts';
import { createWasmBackend } from '../src/backends/wasm/index.ts';
import { nodePlatform } from '../src/backends/wasm/platform-node.ts';
import { Ops } from '../src/ops/index.ts';

const T = 256; // rows of a product
const SIZE = 768; // width and height of its matrix, as in a model of 124M parameters
const LEAST_MS = 500;
/** A multiplication and an addition are two, and there are three products: y, dx and dw. */
const FLOPS = 6 * T * SIZE * SIZE;

/** Measures for about half a second. */
export async function trainingFlopsPerSecond(threads: number): Promise<number> {
  const backend = await createWasmBackend({ platform: nodePlatform, threads });
  try {
    const tracer = eager(backend);
    const x = backend.allocate([T, SIZE], 'f32');
    const w = backend.allocate([SIZE, SIZE], 'f32');
    const sums = new Map([x, w].map((tensor) => [tensor, backend.allocate(tensor.shape, 'f32')]));
    const once = () =>
      backend.step(async () => {
        const tape = new Tape(tracer, { trained: sums });
        const y = new Ops(tape).linear(x, w);
        tape.backward([[y, new Ops(tracer).zeros(y.shape)]]);
        await backend.wait();
      });
    await once(); // compiles
    await once();
    const begin = performance.now();
    let count = 0;
    for (; performance.now() - begin < LEAST_MS; count++) await once();
    return (FLOPS * count * 1000) / (performance.now() - begin);
  } finally {
    await backend.dispose();
  }
}
