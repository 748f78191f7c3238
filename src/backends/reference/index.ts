/**
 * The reference backend defines the ops: plain TypeScript, sums in double precision, one loop per index of the formula. Tests compare all
 * other backends with it. It is slow.
 */

import { byteSize, dtypeOf, isPacked } from '../../base/tensor.ts';
import type { PackedBytes } from '../../formats/format.ts';
import { fillBlock } from '../../formats/numbers.ts';
import { packBlock } from '../../formats/pack-block.ts';
import type { Op } from '../../ops/index.ts';
import type { Backend } from '../backend.ts';
import { kernels } from './kernels.ts';
import { makeTensor, numbersOf, type Precision, place } from './memory.ts';

/** `f64`: activations and f32 weights are kept in double precision. */
export function createReferenceBackend({ precision = 'f32' }: { readonly precision?: Precision } = {}): Backend {
  const wide = precision === 'f64';
  let last: Promise<unknown> = Promise.resolve();
  let liveBytes = 0;
  return {
    name: 'reference',
    allocate(shape, dtype) {
      liveBytes += byteSize(shape, dtype);
      return makeTensor(shape, dtype, precision);
    },
    free({ shape, dtype }) {
      liveBytes -= byteSize(shape, dtype);
    },
    async fill({ dtype, ...x }, block) {
      const numbers = numbersOf({ dtype, ...x });
      if (isPacked(dtype)) packBlock(numbers as PackedBytes, { ...x, dtype }, block);
      else if (dtype === 'f32' && wide) {
        const narrow = Float32Array.from(numbers);
        fillBlock(narrow, { ...x, dtype }, block);
        numbers.set(narrow);
      } else fillBlock(numbers, { ...x, dtype }, block);
    },
    async load(x, read) {
      if (x.dtype === 'f32' && wide) {
        const narrow = new Float32Array(numbersOf(x).length);
        await read(0, new Uint8Array(narrow.buffer));
        numbersOf(x).set(narrow);
        return;
      }
      const { buffer, byteOffset, byteLength } = numbersOf(x);
      await read(0, new Uint8Array(buffer, byteOffset, byteLength));
    },
    step<R>(body: () => Promise<R>): Promise<R> {
      const done = last.then(body);
      last = done.catch(() => {});
      return done;
    },
    record(body) {
      return this.step(async () => ({ numbers: numbersOf(body()).slice(), replay: undefined }));
    },
    alloc: (shape, dtype) => makeTensor(shape, dtype, precision),
    upload(data, shape) {
      const copy = data instanceof Float32Array && wide ? (Float64Array.from(data) as never) : data.slice();
      return place(copy, shape, dtypeOf(data));
    },
    release: () => {},
    scope: (body) => body(),
    has: (op) => op in kernels,
    run(op: Op<never>, inputs, outputs, attrs) {
      const kernel = kernels[op.name];
      if (!kernel) throw new Error(`the reference backend has no kernel '${op.name}'`);
      kernel(inputs, outputs, attrs);
    },
    wait: () => {},
    read: async (x) => numbersOf(x).slice(),
    memory: () => ({ liveBytes, arenaBytes: 0 }),
    dispose: async () => {},
  };
}
