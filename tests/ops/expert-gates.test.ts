/** Gates of given experts are those of the router, when the experts are its own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { opsOf } from '../../src/backends/eager.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { generator } from './cases.ts';

const backends: Record<string, Backend> = {};
beforeAll(async () => {
  backends.reference = createReferenceBackend();
  backends.wasm = await createWasmBackend({ platform: nodePlatform, threads: 2 });
});
afterAll(() => Promise.all(Object.values(backends).map((backend) => backend.dispose())));

const [T, X, A] = [9, 11, 4];
const random = generator(3);
// Some are equal, and of some rows nearly all experts are switched off.
const logits = Float32Array.from({ length: T * X }, (_, i) =>
  Math.floor(i / X) > 5 && i % X > 4 ? Number.NEGATIVE_INFINITY : Math.round(8 * random()) - 4,
);

describe.each(['reference', 'wasm'])('%s', (name) => {
  const backend = () => backends[name] as Backend;

  it('gives the gates of topExperts for its ids, bit for bit', async () => {
    const [wanted, found] = await backend().step(async () => {
      const ops = opsOf(backend());
      const scores = ops.upload(logits, [T, X]);
      const [ids, gates] = ops.topExperts(scores, A);
      return [await backend().read(gates), await backend().read(ops.expertGates(scores, ids))];
    });
    expect(found).toEqual(wanted);
  });

  it('keeps the order of the ids, also where the best is not the first', async () => {
    const found = await backend().step(() => {
      const ops = opsOf(backend());
      return backend().read(
        ops.expertGates(ops.upload(Float32Array.of(0, 100, 101), [1, 3]), ops.upload(Int32Array.of(0, 2, 1), [1, 3])),
      );
    });
    expect(found[0]).toBeLessThan(1e-30);
    expect(found[1]).toBeCloseTo(1 / (1 + Math.exp(-1)), 6);
    expect(found[2]).toBeCloseTo(1 / (1 + Math.exp(1)), 6);
  });

  it('gives NaN for an expert that does not exist, in its row only', async () => {
    const ids = Int32Array.of(0, 1, 0, X, -1, 2, 2 ** 31 - 1, 0, 3, 4);
    const found = await backend().step(() => {
      const ops = opsOf(backend());
      return backend().read(ops.expertGates(ops.upload(logits.slice(0, 5 * X), [5, X]), ops.upload(ids, [5, 2])));
    });
    expect(Array.from(found as Float32Array, Number.isNaN)).toEqual([0, 0, 1, 1, 1, 1, 1, 1, 0, 0].map(Boolean));
  });

  it('reads nothing outside of the weights for an expert that does not exist, and makes NaN of its token only', async () => {
    const [M, F] = [8, 4];
    const numbers = (length: number) => Float32Array.from({ length }, () => random() - 0.5);
    const [x, wIn, wOut] = [numbers(3 * M), numbers(X * 2 * F * M), numbers(X * M * F)];
    const outputs = (chosen: readonly number[]) =>
      backend().step(async () => {
        const ops = opsOf(backend());
        const ids = ops.upload(Int32Array.from(chosen), [3, 2]);
        const gates = ops.expertGates(ops.upload(logits.slice(0, 3 * X), [3, X]), ids);
        const w = { in: ops.upload(wIn, [X, 2 * F, M]), out: ops.upload(wOut, [X, M, F]) };
        return Array.from(
          (await backend().read(ops.experts(ops.upload(x, [3, M]), ids, gates, w, 'silu'))) as Float32Array,
        );
      });
    const wanted = await outputs([0, 1, 2, 3, 10, 4]);
    for (const bad of [X, -1, 2 ** 31 - 1, -(2 ** 31)]) {
      const found = await outputs([0, 1, 2, bad, 10, 4]);
      expect(found.slice(0, M)).toEqual(wanted.slice(0, M));
      expect(found.slice(M, 2 * M).every(Number.isNaN)).toBe(true);
      expect(found.slice(2 * M)).toEqual(wanted.slice(2 * M));
    }
  });
});
