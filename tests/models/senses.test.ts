/** Senses of a word that was read before are copied, not computed: that must change nothing but the cost. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model, partsOf } from '../../src/api/model.ts';
import type { Backend } from '../../src/backends/backend.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { KEY_VALUE_FORMATS, type KeyValueFormat } from '../../src/formats/key-values.ts';
import { openModel } from '../../src/loader/open.ts';
import { type Tap, tapOf } from '../../src/models/tap.ts';
import type { State } from '../../src/runtime/state.ts';
import { readGolden } from '../goldens.ts';

/** Somebody who looks at the senses: all are computed then. */
const looking: Tap = tapOf(
  (site) => site === 'senses',
  (_, x) => x,
);

const load = async (backend: Backend, keyValues?: KeyValueFormat) => {
  const opened = await openModel(localFolder((await readGolden('backpack-hub')).folder));
  return Model.load(opened, backend, keyValues ? { keyValues } : {});
};

async function logitsOf(
  model: Model,
  state: State,
  ids: readonly number[],
  tap: Tap | undefined,
  pieces: readonly number[],
) {
  const all: number[] = [];
  for (let at = 0, i = 0; at < ids.length; i++) {
    const piece = ids.slice(at, at + (pieces[i % pieces.length] as number));
    await partsOf(model).engine.read([
      { ids: piece, state, rows: 'all', visit: (_, logits) => all.push(...logits), tap },
    ]);
    at += piece.length;
  }
  return all;
}

describe.each(KEY_VALUE_FORMATS)('with keys and values as %s', (keyValues) => {
  let model: Model;
  beforeAll(async () => {
    model = await load(await createWasmBackend({ platform: nodePlatform, threads: 2 }), keyValues);
  });
  afterAll(() => model.dispose());
  const words = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 20 });
  const pieces = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 3 });

  it('texts with repeated words have the same bits, in pieces, and from states cut, copied, saved or looked at', async () => {
    const ways = fc.array(fc.constantFrom('cut', 'copied', 'loaded', 'looked at', 'left'), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(words, { minLength: 1, maxLength: 4 }), pieces, ways, async (texts, pieces, ways) => {
        const [one, other] = [model.newState(), model.newState()];
        const open = [one, other];
        let states = { one, other };
        for (const [i, ids] of texts.entries()) {
          const room = model.facts.contextLength as number;
          const some = ids.slice(0, Math.max(0, room - states.one.length));
          const way = ways[i] ?? 'left';
          const tap = way === 'looked at' ? looking : undefined;
          const given = await logitsOf(model, states.one, some, tap, pieces);
          expect(given).toEqual(await logitsOf(model, states.other, some, looking, [20]));
          if (way === 'cut') for (const state of [states.one, states.other]) await state.rewind(state.length >> 1);
          if (way === 'copied') states = { ...states, one: await states.one.clone(states.one.length) };
          if (way === 'loaded') {
            const loaded = model.newState();
            await loaded.load(await states.one.save());
            states = { ...states, one: loaded };
          }
          open.push(states.one);
        }
        for (const state of open) state.dispose();
      }),
      { numRuns: 40 },
    );
  });

  it('and read one by one, for one text or several by turns', async () => {
    const room = model.facts.contextLength as number;
    await fc.assert(
      fc.asyncProperty(fc.array(words, { minLength: 1, maxLength: 3 }), async (texts) => {
        const quick = texts.map(() => model.newState());
        const slow = texts.map(() => model.newState());
        const longest = Math.min(room, Math.max(...texts.map(({ length }) => length)));
        for (let n = 0; n < longest; n++) {
          const ids = texts.map((text) => [text[n % text.length] as number]);
          const sequences = ids.map((ids, i) => ({ ids, state: quick[i] as State }));
          const given = n % 5 < 3 ? await partsOf(model).engine.read(sequences) : [];
          if (given.length === 0) for (const one of sequences) given.push(...(await partsOf(model).engine.read([one])));
          const others = ids.map((ids, i) => ({ ids, state: slow[i] as State }));
          expect(given).toEqual(await partsOf(model).engine.read(others.map((other) => ({ ...other, tap: looking }))));
        }
        for (const state of [...quick, ...slow]) state.dispose();
      }),
      { numRuns: 15 },
    );
  });

  it('and packed among others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(words, { minLength: 2, maxLength: 3 }), words, async (texts, more) => {
        const together = texts.map(() => model.newState());
        const alone = texts.map(() => model.newState());
        for (const round of [texts, texts.map(() => more.slice(0, 3))]) {
          const given = await partsOf(model).engine.read(round.map((ids, i) => ({ ids, state: together[i] as State })));
          for (const [i, ids] of round.entries()) {
            const [wanted] = await partsOf(model).engine.read([{ ids, state: alone[i] as State, tap: looking }]);
            expect(given[i]).toEqual(wanted);
          }
        }
        for (const state of [...together, ...alone]) state.dispose();
      }),
      { numRuns: 15 },
    );
  });
});

it('senses that were replaced are not taken for those of the word', async () => {
  const model = await load(createReferenceBackend());
  const state = model.newState();
  const ids = [3, 4];
  const { data } = (await model.capture(ids, { sites: ['senses'] })).get('senses')!;
  await model.capture(ids, { sites: ['logits'], replace: { senses: data.map((x: number) => 2 * x) }, state });
  const other = await state.clone();
  const seen = (await model.capture([3, 3, 4], { sites: ['senses', 'logits'], state: other })).get('senses')!;
  expect(seen.data.slice(0, data.length / 2)).toEqual(data.slice(0, data.length / 2)); // of the word itself again
  const again = model.newState();
  await again.load(await state.save());
  const both = [];
  for (const one of [state, again]) both.push(await logitsOf(model, one, [3, 3, 4], undefined, [1]));
  const third = model.newState();
  await model.capture(ids, { sites: ['logits'], replace: { senses: data.map((x: number) => 2 * x) }, state: third });
  const wanted = await logitsOf(model, third, [3, 3, 4], looking, [3]);
  expect(both).toEqual([wanted, wanted]);
  await model.dispose();
});

it('computes the senses of a word once', async () => {
  const backend = createReferenceBackend();
  let products = 0;
  const counting: Backend = {
    ...backend,
    run(op, inputs, outputs, attrs) {
      if (op.name.startsWith('linear')) products += outputs.reduce((sum, { shape }) => sum + (shape[0] as number), 0);
      backend.run(op, inputs, outputs, attrs);
    },
  };
  const model = await load(counting);
  const state = model.newState();
  const rowsFor = async (ids: readonly number[]) => {
    products = 0;
    await partsOf(model).engine.read([{ ids, state }]);
    return products;
  };
  const fresh = await rowsFor([1]);
  const known = await rowsFor([1]);
  expect(fresh - known).toBe(4); // the four matrices of the sense network
  const two = await rowsFor([2, 3]);
  expect(await rowsFor([4, 4])).toBe(two - 4);
  expect(await rowsFor([1, 4])).toBe(two - 8);
  await state.rewind(3);
  expect(await rowsFor([4])).toBe(fresh);
  await model.dispose();
});
