/** Adapters that Python's PEFT made: see tools/reference/make_adapters.py and tests/golden/peft. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { adapted, type LowRank } from '../../src/adapters/adapted.ts';
import { openAdapter } from '../../src/adapters/file.ts';
import { expertsLast, LiveTensors, readChanges } from '../../src/adapters/live.ts';
import { peftNames } from '../../src/adapters/peft.ts';
import { Model } from '../../src/api/model.ts';
import { eager } from '../../src/backends/eager.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import type { Tensor } from '../../src/base/tensor.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { fill } from '../../src/loader/fill.ts';
import { openModel } from '../../src/loader/open.ts';
import { Ops } from '../../src/ops/index.ts';
import { passOver } from '../../src/training/pass.ts';
import { backends } from '../backends.ts';
import { distance, readF32 } from '../training/goldens.ts';

const root = fileURLToPath(new URL('../golden/', import.meta.url));
const names = readdirSync(`${root}peft`, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

interface Golden {
  readonly model: string;
  readonly ids: readonly number[];
  readonly rows: readonly (readonly number[])[];
  readonly loss: number;
}

const read = (name: string): Golden => JSON.parse(readFileSync(`${root}peft/${name}/golden.json`, 'utf8')) as Golden;

describe.each(names)('%s', (name) => {
  const golden = read(name);
  const folder = `${root}peft/${name}`;

  it.each(backends)('gives the logits of PEFT, and without the adapter those of the model (%s)', async (_, create) => {
    const opened = await openModel(localFolder(root + golden.model), { weights: 'f32' });
    const model = await Model.load(opened, create());
    const adapter = await model.loadAdapter(localFolder(folder));
    const wanted = await readF32(folder, 'golden.safetensors');
    expect(
      distance(
        (await model.logits(golden.ids, { adapter })).data as Float32Array,
        wanted.get('logits') as Float32Array,
      ),
    ).toBeLessThan(1e-5);
    expect(
      distance((await model.logits(golden.ids)).data as Float32Array, wanted.get('plainLogits') as Float32Array),
    ).toBeLessThan(1e-5);
    await model.dispose();
  });

  it('gives the gradients of PEFT', async () => {
    const opened = await openModel(localFolder(root + golden.model), { weights: 'f32' });
    const backend = createReferenceBackend({ precision: 'f64' });
    const tracer = eager(backend);
    await fill(opened.plan, backend, new Ops(tracer));
    const file = await openAdapter(localFolder(folder), opened);
    const changes = await readChanges(file, opened.plan, new LiveTensors(backend), () => {});
    const trained = new Map<Tensor, Tensor>(
      changes.changes.flatMap(({ a, b }) => [a, b]).map((x) => [x, backend.allocate(x.shape, 'f32')]),
    );
    const count = golden.rows.reduce((sum, row) => sum + row.length - 1, 0);
    const examples = {
      sequences: golden.rows.map((row) => row.slice(0, -1)),
      targets: Int32Array.from(golden.rows.flatMap((row) => row.slice(1))),
    };
    const parts = { model: opened.model, backend, tracer, adapt: (inner: typeof tracer) => adapted(inner, changes) };
    const { crossEntropy } = await passOver(parts, examples, { trained, perTarget: 1 / count, perRow: 0 });
    expect(Math.abs(crossEntropy / count - golden.loss)).toBeLessThan(1e-6);
    const wanted = await readF32(folder, 'golden.safetensors');
    const named = peftNames(changes.changes.map(({ target }) => target));
    const gradient = async (x: Tensor) => Float32Array.from(await backend.read(trained.get(x) as Tensor));
    for (const { target, a, b, rank } of changes.changes as LowRank[]) {
      const { a: nameA, b: nameB } = named.get(target) as { a: string; b: string };
      const ordered = await gradient(b);
      const last = target.experts === undefined ? ordered : expertsLast(ordered, [target.experts, target.dOut, rank]);
      expect(distance(await gradient(a), wanted.get(`gradient:${nameA}`) as Float32Array), nameA).toBeLessThan(1e-5);
      expect(distance(last, wanted.get(`gradient:${nameB}`) as Float32Array), nameB).toBeLessThan(1e-5);
    }
    await file.close();
    await opened.checkpoint.close();
  });
});
