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
import { makeTensor, numbersOf, place } from './memory.ts';

export function createReferenceBackend(): Backend {
  let last: Promise<unknown> = Promise.resolve();
  let liveBytes = 0;
  return {
    name: 'reference',
    allocate(shape, dtype) {
      liveBytes += byteSize(shape, dtype);
      return makeTensor(shape, dtype);
    },
    free({ shape, dtype }) {
      liveBytes -= byteSize(shape, dtype);
    },
    async fill({ dtype, ...x }, block) {
      const numbers = numbersOf({ dtype, ...x });
      if (isPacked(dtype)) packBlock(numbers as PackedBytes, { ...x, dtype }, block);
      else fillBlock(numbers, { ...x, dtype }, block);
    },
    load(x, read) {
      const { buffer, byteOffset, byteLength } = numbersOf(x);
      return read(0, new Uint8Array(buffer, byteOffset, byteLength));
    },
    step<R>(body: () => Promise<R>): Promise<R> {
      const done = last.then(body);
      last = done.catch(() => {});
      return done;
    },
    record(body) {
      return this.step(async () => ({ numbers: numbersOf(body()).slice(), replay: undefined }));
    },
    alloc: makeTensor,
    upload: (data, shape) => place(data.slice(), shape, dtypeOf(data)),
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
