/** Derived weights follow their sources, and views of weights that have no memory yet are refused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model, partsOf } from '../../src/api/model.ts';
import { eager, opsOf } from '../../src/backends/eager.ts';
import { reshape, rows, type Tensor } from '../../src/base/tensor.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { derive } from '../../src/loader/fill.ts';
import { type OpenedModel, openModel } from '../../src/loader/open.ts';
import { Ops, type Tracer } from '../../src/ops/index.ts';
import { Engine } from '../../src/runtime/engine.ts';
import { backends } from '../backends.ts';
import { readGolden } from '../goldens.ts';

const named = (opened: OpenedModel, name: string) => opened.plan.slices.get(name)?.[0]?.target as Tensor;

describe.each(backends)('on the %s backend', (_, create) => {
  let opened: OpenedModel;
  let model: Model;
  /** Computes derived weights anew in every pass, as training must. */
  let anew: Engine;
  const ids = [1, 2, 3, 4, 5];
  const read = (engine: Engine, rows: 'all' | 'last' = 'all') => engine.read([{ ids, state: engine.newState(), rows }]);

  beforeAll(async () => {
    opened = await openModel(localFolder((await readGolden('mamba-odd')).folder), { weights: 'f32' });
    model = await Model.load(opened, await create());
    const { backend } = partsOf(model).engine;
    const tracer: Tracer = { ...eager(backend), derived: ({ compute }) => compute(new Ops(tracer)) };
    anew = new Engine(opened.model, backend, new Ops(tracer));
  });
  afterAll(() => model.dispose());

  it('a weight computed anew is the one that was kept', async () => {
    expect(await read(anew)).toEqual(await read(partsOf(model).engine));
  });

  it('a change of A_log has an effect at once where it is computed anew, else after `derive`', async () => {
    const { backend } = partsOf(model).engine;
    const before = await read(partsOf(model).engine);
    const aLog = named(opened, 'layers.0.mixer.A_log');
    await backend.step(async () => {
      const ops = opsOf(backend);
      ops.assign(aLog, ops.scale(aLog, -3));
    });
    const changed = await read(anew);
    expect(changed).not.toEqual(before);
    expect(await read(partsOf(model).engine)).toEqual(before);
    await derive(opened.plan, backend, partsOf(model).engine.ops);
    expect(await read(partsOf(model).engine)).toEqual(changed);
  });
});

it('a view of a weight that has no memory yet is refused, since it would never get any', async () => {
  const opened = await openModel(localFolder((await readGolden('mamba-odd')).folder));
  const aLog = named(opened, 'layers.0.mixer.A_log');
  expect(() => reshape(aLog, [aLog.shape[0]! * aLog.shape[1]!])).toThrow(/no memory yet: use ops.reshape/);
  expect(() => rows(aLog, 0, 1)).toThrow(/no memory yet: use ops.rows/);
  await opened.checkpoint.close();
});
