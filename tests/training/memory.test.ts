/** The memory of a pass as it is told beforehand is that which the pass takes. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { eager } from '../../src/backends/eager.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { byteSize, type Tensor } from '../../src/base/tensor.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { fill } from '../../src/loader/fill.ts';
import { openModel } from '../../src/loader/open.ts';
import { Ops, type Tracer } from '../../src/ops/index.ts';
import { passBytes } from '../../src/training/memory.ts';
import { passOver } from '../../src/training/pass.ts';

const folderOf = (name: string) => localFolder(fileURLToPath(new URL(`../golden/${name}`, import.meta.url)));

/** Counts what a tracer allocates and releases, without scopes, and what kernels need beside it. */
function counting(inner: Tracer) {
  const sizes = new Map<object, number>();
  const count = { bytes: 0, peak: 0 };
  const add = (x: Tensor) => {
    sizes.set(x.place, byteSize(x.shape, x.dtype));
    count.bytes += byteSize(x.shape, x.dtype);
    count.peak = Math.max(count.peak, count.bytes);
  };
  const tracer: Tracer = {
    ...inner,
    apply(op, inputs, attrs) {
      const outputs = inner.apply(op, inputs, attrs);
      if (!op.view) for (const y of outputs) add(y);
      count.peak = Math.max(count.peak, count.bytes + (op.workBytes?.(inputs, attrs) ?? 0));
      return outputs;
    },
    upload(data, shape) {
      const x = inner.upload(data, shape);
      add(x);
      return x;
    },
    release(x) {
      count.bytes -= sizes.get(x.place) ?? 0;
      sizes.delete(x.place);
    },
  };
  return { tracer, count };
}

it.each(['backpack-levanter', 'llama-dense', 'mamba-odd', 'granite-moe-formula'])('%s', async (name) => {
  const opened = await openModel(folderOf(name), { weights: 'f32' });
  const weights = [...opened.plan.slices.values()].flat().map(({ target }) => target);
  const sequences = [0, 1].map((b) => Int32Array.from({ length: 8 }, (_, i) => 8 * b + i));
  const stated = passBytes(opened.model, weights, { lengths: [8, 8] });
  const backend = createReferenceBackend();
  const { tracer, count } = counting(eager(backend));
  await fill(opened.plan, backend, new Ops(eager(backend)));
  await opened.checkpoint.close();
  const trained = new Map<Tensor, Tensor>(weights.map((w) => [w, backend.allocate(w.shape, 'f32')]));
  const examples = { sequences, targets: new Int32Array(16) };
  await passOver({ model: opened.model, backend, tracer }, examples, { trained, perTarget: 1, perRow: 1 });
  expect(count.peak).toBeLessThan(1.02 * stated);
  expect(count.peak).toBeGreaterThan(0.98 * stated);
});

it('is less when blocks are computed again', async () => {
  const opened = await openModel(folderOf('llama-dense'), { weights: 'f32' });
  const weights = [...opened.plan.slices.values()].flat().map(({ target }) => target);
  const bytes = (recompute: boolean) => passBytes(opened.model, weights, { lengths: [64], recompute });
  expect(bytes(true)).toBeLessThan(0.8 * bytes(false));
  await opened.checkpoint.close();
});
