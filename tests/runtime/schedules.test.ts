/** Who comes and goes, what is shared, copied or cut: nobody's numbers depend on it. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model, partsOf } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import type { KeyValueFormat } from '../../src/formats/key-values.ts';
import { openModel } from '../../src/loader/open.ts';
import type { Request } from '../../src/runtime/engine.ts';
import { Reader } from '../../src/runtime/reader.ts';
import type { State } from '../../src/runtime/state.ts';
import { readGolden } from '../goldens.ts';

const CASES = [
  ['backpack-hub', 'f32', 2],
  ['backpack-hub', 'i8', 2],
  ['granite-untied', 'f32', 2],
  ['granite-untied', 'f16', 1],
  ['granite-moe-10', 'f32', 1],
  ['mamba-odd', 'f32', 2],
  ['llama-2b4t', 'f32', 0],
  ['mamba-odd', 'f32', 0],
] as const;

/** One thing that happens. `who` and `share` choose among those that are there. */
const event = fc.record({
  kind: fc.constantFrom('join', 'step', 'step', 'step', 'read', 'clone', 'rewind', 'leave', 'abort', 'save'),
  who: fc.nat(),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  ids: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 }),
});

interface Sequence {
  state: State;
  /** What it has read. */
  ids: number[];
}

describe.each(CASES)('%s, keys and values as %s, %i threads', (name, keyValues: KeyValueFormat, threads) => {
  let model: Model;
  const known = new Map<string, Float32Array>();
  beforeAll(async () => {
    const { folder } = await readGolden(name);
    const backend =
      threads === 0 ? createReferenceBackend() : await createWasmBackend({ platform: nodePlatform, threads });
    model = await Model.load(await openModel(localFolder(folder)), backend, { keyValues });
  });
  afterAll(() => model.dispose());

  /** Logits after these tokens, read alone and at once. */
  async function alone(ids: readonly number[]): Promise<Float32Array> {
    const key = ids.join();
    const found = known.get(key);
    if (found) return found;
    const state = model.newState();
    const [logits] = await partsOf(model).engine.read([{ ids, state }]);
    state.dispose();
    known.set(key, logits as Float32Array);
    return logits as Float32Array;
  }

  it('arrivals, departures, copies and failures change no bit of anybody', async () => {
    const room = Math.min(model.facts.contextLength ?? 200, 200);
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 4, maxLength: 16 }), async (events) => {
        let open: Sequence[] = [];
        const check = async (some: readonly Sequence[], logits: readonly Float32Array[]) => {
          for (const [i, { ids }] of some.entries()) expect(logits[i]).toEqual(await alone(ids));
        };
        const read = async (some: readonly Sequence[], ids: readonly (readonly number[])[]) => {
          const requests = some.map(({ state }, i) => ({ state, ids: ids[i] as number[] }));
          const logits = await partsOf(model).engine.read(requests);
          for (const [i, sequence] of some.entries()) sequence.ids.push(...(ids[i] as number[]));
          await check(some, logits);
        };
        for (const { kind, who, share, ids } of events) {
          const one = open[who % Math.max(1, open.length)];
          if (kind === 'join') {
            const sequence = { state: model.newState(), ids: [] };
            open.push(sequence);
            await read([sequence], [ids.slice(0, room)]);
          }
          const fitting = open.filter((sequence) => sequence.ids.length < room);
          if (kind === 'step' && fitting.length > 0) {
            await read(
              fitting,
              fitting.map((_, i) => [ids[i % ids.length] as number]),
            );
          }
          if (kind === 'read' && fitting.length > 0) {
            // Prompts of some, single tokens of others, in the same steps.
            const texts = fitting.map((sequence, i) => ids.slice(0, i % 2 === 0 ? 1 : room - sequence.ids.length));
            await read(fitting, texts);
          }
          if (!one) continue;
          const length = Math.floor(share * one.ids.length);
          if (kind === 'clone') {
            const kept = one.state.rewindable ? length : one.ids.length;
            open.push({ state: await one.state.clone(kept), ids: one.ids.slice(0, kept) });
          }
          if (kind === 'rewind') {
            const kept = one.state.rewindable ? length : 0;
            await one.state.rewind(kept);
            one.ids.length = kept;
          }
          if (kind === 'leave') {
            one.state.dispose();
            open = open.filter((other) => other !== one);
          }
          if (kind === 'save') {
            const loaded = model.newState();
            await loaded.load(await one.state.save());
            open.push({ state: loaded, ids: [...one.ids] });
          }
          if (kind === 'abort' && fitting.length > 0) {
            const [first, ...others] = fitting as [Sequence, ...Sequence[]];
            const token = [ids[0] as number];
            const requests: Request[] = fitting.map(({ state }) => ({ state, ids: token }));
            const outcomes = await partsOf(model).engine.step([
              { ...(requests[0] as Request), signal: AbortSignal.abort(new Error('enough')) },
              ...requests.slice(1),
            ]);
            expect(outcomes[0]?.failure?.error).toEqual(new Error('enough'));
            expect(first.state.ids).toEqual(first.ids);
            for (const sequence of others) sequence.ids.push(...token);
            await check(
              others,
              outcomes.slice(1).map(({ output }) => output),
            );
          }
        }
        for (const { state, ids } of open) {
          expect(state.ids).toEqual(ids);
          state.dispose();
        }
        expect(partsOf(model).engine.pool.usedBytes).toBe(0);
        expect(partsOf(model).engine.pool.bytes).toBe(0);
      }),
      { numRuns: threads === 0 ? 4 : 10 },
    );
  });
});

describe('a reader', () => {
  let model: Model;
  beforeAll(async () => {
    const { folder } = await readGolden('granite-untied');
    const backend = await createWasmBackend({ platform: nodePlatform, threads: 1 });
    model = await Model.load(await openModel(localFolder(folder)), backend);
  });
  afterAll(() => model.dispose());

  it('gives a single token at once, whatever prompts are read beside it', async () => {
    const reader = new Reader<Request>(partsOf(model).engine);
    const [long, short] = [model.newState(), model.newState()];
    const text = Array.from({ length: 100 }, (_, i) => 1 + (i % 9));
    const requests = Array.from({ length: 4 }, () => ({ state: model.newState(), ids: text }));
    for (const request of requests) reader.add(request);
    const single = { state: short, ids: [3] };
    reader.add(single);
    expect((await reader.round()).map(({ request }) => request)).toEqual([single]);
    reader.add({ state: short, ids: [4] });
    expect(reader.open).toBe(5);
    const done = [];
    while (reader.open > 0) done.push(...(await reader.round()));
    expect(done).toHaveLength(5);
    expect(short.ids).toEqual([3, 4]);
    for (const { state } of [...requests, { state: long }, single]) state.dispose();
  });

  it('hands the logits of the wanted rows out, in order, however the text is cut', async () => {
    const text = Array.from({ length: 30 }, (_, i) => 1 + (i % 9));
    const { vocabSize } = model.facts;
    const all: number[] = [];
    const states = [model.newState(), model.newState(), model.newState()];
    const visit = (first: number, logits: Float32Array) => {
      expect(first).toBe(all.length / vocabSize);
      all.push(...logits);
    };
    const [, some, none] = await partsOf(model).engine.read([
      { state: states[0] as State, ids: text, rows: 'all', visit },
      { state: states[1] as State, ids: text, rows: [0, 7, 29] },
      { state: states[2] as State, ids: text, rows: 'none' },
    ]);
    const row = (i: number) => all.slice(i * vocabSize, (i + 1) * vocabSize);
    expect([...(some as Float32Array)]).toEqual([...row(0), ...row(7), ...row(29)]);
    expect(none).toHaveLength(0);
    await expect(partsOf(model).engine.read([{ state: states[0] as State, ids: text, rows: [3, 1] }])).rejects.toThrow(
      /rows/,
    );
    for (const state of states) state.dispose();
  });

  it('fails the request alone whose visitor fails', async () => {
    const [one, other] = [model.newState(), model.newState()];
    const visit = () => {
      throw new Error('stopped');
    };
    const [failed, fine] = await partsOf(model).engine.step([
      { state: one, ids: [1, 2], visit },
      { state: other, ids: [1, 2] },
    ]);
    expect(failed?.failure?.error).toEqual(new Error('stopped'));
    expect([one.length, other.length, fine?.failure]).toEqual([0, 2, undefined]);
    expect(fine?.output).toHaveLength(model.facts.vocabSize);
    for (const state of [one, other]) state.dispose();
  });
});
