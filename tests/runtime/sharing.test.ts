/** Memory of states: what is shared, what is copied first, how much there may be, and when it is given back. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type LoadOptions, Model, partsOf } from '../../src/api/model.ts';
import type { Backend } from '../../src/backends/backend.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { UsageError } from '../../src/base/errors.ts';
import { PAGE_ROWS } from '../../src/base/pages.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openModel } from '../../src/loader/open.ts';
import { sharesOf } from '../../src/runtime/reader.ts';
import type { State } from '../../src/runtime/state.ts';
import { readGolden } from '../goldens.ts';

async function load(name: string, options: LoadOptions = {}, wrap = (backend: Backend) => backend): Promise<Model> {
  const { folder } = await readGolden(name);
  const backend = await createWasmBackend({ platform: nodePlatform, threads: 1 });
  return Model.load(await openModel(localFolder(folder)), wrap(backend), options);
}

const textOf = (length: number) => Array.from({ length }, (_, i) => 1 + (i % 9));
const read = (model: Model, state: State, ids: readonly number[]) =>
  partsOf(model).engine.read([{ state, ids, rows: 'none' }]);

/** A backend that counts its recorded steps. */
function counting(): { wrap(backend: Backend): Backend; recorded(): number } {
  let count = 0;
  const wrap = (backend: Backend) =>
    new Proxy(backend, {
      get(target, key) {
        if (key === 'record') count++;
        const value = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  return { wrap, recorded: () => count };
}

describe('pages', () => {
  let model: Model;
  beforeAll(async () => {
    model = await load('llama-head-dim');
  });
  afterAll(() => model.dispose());

  it('are shared by copies, until one of them is continued', async () => {
    const { pool } = partsOf(model).engine;
    const { unitBytes } = pool.pages;
    const state = model.newState();
    await read(model, state, textOf(PAGE_ROWS + 10));
    expect(pool.usedBytes).toBe(2 * unitBytes);
    const copies = await Promise.all([state.clone(), state.clone(), state.clone(PAGE_ROWS)]);
    expect(pool.usedBytes).toBe(2 * unitBytes);
    expect(copies.map(({ bytes }) => bytes / unitBytes)).toEqual([2, 2, 1]);
    await read(model, copies[0] as State, [1]); // copies its second page
    expect(pool.usedBytes).toBe(3 * unitBytes);
    await read(model, copies[2] as State, [1]); // begins a page of its own
    expect(pool.usedBytes).toBe(4 * unitBytes);
    state.dispose();
    await read(model, copies[1] as State, [1]); // is alone with its last page
    expect(pool.usedBytes).toBe(4 * unitBytes);
    await copies[1]?.rewind(3);
    expect(pool.usedBytes).toBe(3 * unitBytes);
    for (const copy of copies) copy.dispose();
    expect([pool.usedBytes, pool.bytes]).toEqual([0, 0]);
  });
});

it('slots are shared by copies too', async () => {
  await using model = await load('mamba-odd');
  const { pool } = partsOf(model).engine;
  const state = model.newState();
  await read(model, state, textOf(5));
  const copy = await state.clone();
  expect(pool.usedBytes).toBe(pool.slots.unitBytes);
  const saved = await copy.save();
  await read(model, state, [1]);
  expect(pool.usedBytes).toBe(2 * pool.slots.unitBytes);
  expect(await copy.save()).toEqual(saved);
  for (const one of [state, copy]) one.dispose();
  expect(pool.bytes).toBe(0);
});

describe('a bound', () => {
  it('is kept to, and who would pass it is told who holds what', async () => {
    const probe = await load('granite-untied');
    const page = partsOf(probe).engine.pool.pages.unitBytes;
    await probe.dispose();
    await using model = await load('granite-untied', { maxStateBytes: 3 * page + 1 });
    const [one, other] = [model.newState(), model.newState()];
    await read(model, one, textOf(60));
    await read(model, other, textOf(70));
    expect(model.stateMemory).toEqual({ usedBytes: 3 * page, bytes: 3 * page, maxBytes: 3 * page + 1 });
    const third = model.newState();
    const failing = read(model, third, [1, 2]);
    await expect(failing).rejects.toThrow(UsageError);
    await expect(failing).rejects.toThrow(/2 sequences hold 130 tokens/);
    expect([third.length, third.bytes]).toEqual([0, 0]);
    await read(model, one, [1]); // there is room in its page
    other.dispose();
    await read(model, third, [1, 2]);
    expect(third.length).toBe(2);
    for (const state of [one, third]) state.dispose();
  });

  it('must be a number above 0', async () => {
    await expect(load('granite-untied', { maxStateBytes: 0 })).rejects.toThrow(/maxStateBytes/);
  });

  it('of the memory itself is an error as clear', async () => {
    const model = await load('granite-untied');
    const { backend } = partsOf(model).engine;
    const { allocate } = backend;
    backend.allocate = () => {
      throw new RangeError('no memory');
    };
    const state = model.newState();
    await expect(read(model, state, [1])).rejects.toThrow(/memory of states is full/);
    backend.allocate = allocate;
    await read(model, state, [1]);
    expect(state.length).toBe(1);
    await model.dispose();
  });
});

it.each(['granite-untied', 'mamba-odd', 'backpack-hub'])('%s: recorded steps serve whoever comes', async (name) => {
  const { wrap, recorded } = counting();
  await using model = await load(name, {}, wrap);
  const states = Array.from({ length: 6 }, () => model.newState());
  for (const [i, state] of states.entries()) await read(model, state, textOf(3 + i));
  const step = (some: readonly State[]) => partsOf(model).engine.read(some.map((state) => ({ state, ids: [2] })));
  await step(states.slice(0, 3));
  const before = recorded();
  for (const some of [states.slice(2, 5), [5, 0, 3].map((i) => states[i] as State), states.slice(3, 6)])
    await step(some);
  states[0]?.dispose();
  await step(states.slice(1, 4));
  const copy = await (states[4] as State).clone();
  await step([copy, states[4] as State, states[5] as State]);
  expect(recorded()).toBe(before);
  for (const state of [...states, copy]) state.dispose();
});

test('a step is shared out: none gets more than it has, all room is used, single tokens come first', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 300 }),
      fc.integer({ min: 1, max: 300 }),
      (left, room) => {
        const shares = sharesOf(left, room);
        const sum = shares.reduce((a, b) => a + b, 0);
        expect(sum).toBe(
          Math.min(
            room,
            left.reduce((a, b) => a + b, 0),
          ),
        );
        const most = Math.max(...shares);
        for (const [i, share] of shares.entries()) {
          expect(share).toBeLessThanOrEqual(left[i] as number);
          if (left.length > room) expect(share).toBe(i < room ? 1 : 0);
          else expect(share).toBeGreaterThan(0);
          // Whoever does not get all has as much as anybody, but for the rest of a division.
          if (share < (left[i] as number)) expect(share).toBeGreaterThanOrEqual(most - left.length);
        }
      },
    ),
  );
});
