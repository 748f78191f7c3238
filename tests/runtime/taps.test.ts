/** Taps of several sequences in one step: each sees its own sequence, and changes no other. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model, partsOf } from '../../src/api/model.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { Capture } from '../../src/inspect/capture.ts';
import { openModel } from '../../src/loader/open.ts';
import { tapOf } from '../../src/models/tap.ts';
import { readGolden } from '../goldens.ts';

describe.each(['backpack-hub', 'granite-moe-10', 'llama-2b4t', 'mamba-odd'])('%s', (name) => {
  let model: Model;
  const texts = [[1, 2, 3, 4, 5], [6], [3, 3, 7], [2, 8]];
  beforeAll(async () => {
    const { folder } = await readGolden(name);
    const backend = await createWasmBackend({ platform: nodePlatform, threads: 2 });
    model = await Model.load(await openModel(localFolder(folder)), backend);
  });
  afterAll(() => model.dispose());

  it('every site shows of each sequence what it shows when that is read alone', async () => {
    const { backend, ops } = partsOf(model).engine;
    const captures = texts.map((_, i) => (i === 1 ? undefined : new Capture(backend, ops, model.sites)));
    const states = texts.map(() => model.newState());
    const outcomes = await partsOf(model).engine.step(
      texts.map((ids, i) => ({ ids, state: states[i]!, rows: 'all' as const, tap: captures[i]?.tap })),
    );
    for (const [i, ids] of texts.entries()) {
      const wanted = await model.capture(ids, { sites: ['*'] });
      expect([...(outcomes[i]?.output ?? [])]).toEqual([...(wanted.get('logits')?.data ?? [])]);
      if (captures[i]) expect(await captures[i].collect()).toEqual(wanted);
      captures[i]?.dispose();
      states[i]?.dispose();
    }
  });

  it('what a tap puts in the place of a value changes its own sequence only', async () => {
    const { ops } = partsOf(model).engine;
    const read = async (changed: string | undefined) => {
      const states = texts.map(() => model.newState());
      const requests = texts.map((ids, i) => {
        const tap = tapOf(
          (site) => site === changed,
          (_, x) => ops.scale(x, 2),
        );
        return { ids, state: states[i]!, rows: 'all' as const, ...(changed && i === 2 ? { tap } : {}) };
      });
      const outcomes = await partsOf(model).engine.step(requests);
      for (const state of states) state.dispose();
      return outcomes.map(({ output }) => output);
    };
    const wanted = await read(undefined);
    const floats = model.sites.filter(({ name }) =>
      /residPre|pattern|senseWeights|ssmState|embed|senses$|expertOut/.test(name),
    );
    for (const { name: site } of floats) {
      const found = await read(site);
      for (const i of [0, 1, 3]) expect(found[i], `${site}, sequence ${i}`).toEqual(wanted[i]);
      // The state after a step is read by the next one only.
      if (!site.endsWith('ssmState')) expect(found[2], site).not.toEqual(wanted[2]);
    }
  });
});
