/** The laws of models hold in every format of keys and values. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model, partsOf } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { CheckpointError, UsageError } from '../../src/base/errors.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { KEY_VALUE_FORMATS, type KeyValueFormat } from '../../src/formats/key-values.ts';
import { describe as describeModel } from '../../src/loader/describe.ts';
import { openModel } from '../../src/loader/open.ts';
import type { State } from '../../src/runtime/state.ts';
import { readGolden } from '../goldens.ts';

const FAMILIES = ['backpack-hub', 'granite-untied', 'mamba-odd'];

/** How far logits may be from those with f32, as a share of the largest: one rounding in each of a few small layers. */
const OFF: Readonly<Record<KeyValueFormat, number>> = { f32: 0, f16: 2e-3, i8: 5e-2 };

async function logitsOf(model: Model, state: State, ids: readonly number[], pieces: readonly number[]) {
  const all: number[] = [];
  let from = 0;
  for (const length of pieces) {
    await partsOf(model).engine.read([
      { ids: ids.slice(from, from + length), state, rows: 'all', visit: (_, logits) => all.push(...logits) },
    ]);
    from += length;
  }
  return all;
}

async function load(folder: string, keyValues: KeyValueFormat | undefined, threads = 1): Promise<Model> {
  const backend = createWasmBackend({ platform: nodePlatform, threads });
  return Model.load(await openModel(localFolder(folder)), backend, { keyValues });
}

describe.each(FAMILIES)('%s', (name) => {
  let folder = '';
  let ids: readonly number[] = [];
  let plain: Model;
  let exact: number[] = [];
  beforeAll(async () => {
    const golden = await readGolden(name);
    folder = golden.folder;
    ids = [...golden.ids, ...golden.greedy].slice(0, 20);
    plain = await load(folder, undefined);
    exact = await logitsOf(plain, plain.newState(), ids, [ids.length]);
  });
  afterAll(() => plain.dispose());

  describe.each(['f16', 'i8'] as const)('%s', (format) => {
    let model: Model;
    let wanted: number[] = [];
    beforeAll(async () => {
      model = await load(folder, format, 2);
      wanted = await logitsOf(model, model.newState(), ids, [ids.length]);
    });
    afterAll(() => model.dispose());

    it('gives the same bits in whatever pieces a text is read, and with any number of threads', async () => {
      expect(await logitsOf(model, model.newState(), ids, [3, 1, 7, 1, ids.length - 12])).toEqual(wanted);
      expect(await logitsOf(model, model.newState(), ids, new Array(ids.length).fill(1))).toEqual(wanted);
      const other = await load(folder, format, 1);
      expect(await logitsOf(other, other.newState(), ids, [ids.length])).toEqual(wanted);
      await other.dispose();
    });

    it('gives each prompt of several the same as alone', async () => {
      const prompts = [ids.slice(0, 5), ids.slice(3, 4), ids.slice(0, 17)];
      const together: number[][] = prompts.map(() => []);
      const options = { maxNewTokens: 4, ignoreEnd: true };
      for await (const step of model.generate(prompts, options))
        if (step.logprob !== undefined) together[step.index]?.push(step.logprob);
      for (const [i, prompt] of prompts.entries())
        expect((await model.complete(prompt, options)).logprobs).toEqual(together[i]);
    });

    it('gives the same bits when all sites are captured', async () => {
      const all = await model.capture(ids, { sites: ['*'] });
      expect([...(all.get('logits')?.data ?? [])]).toEqual(wanted);
    });

    it('goes on from a copied, rewound, saved or loaded state as from the state itself', async () => {
      const rest = wanted.slice((12 * wanted.length) / ids.length);
      const later = [ids.length - 12];
      const state = model.newState();
      await logitsOf(model, state, ids, [12]);
      const loaded = model.newState();
      await loaded.load(await state.save());
      const states = [state, await state.clone(), loaded];
      for (const one of states) expect(await logitsOf(model, one, ids.slice(12), later)).toEqual(rest);
      if (state.rewindable) {
        await state.rewind(12);
        expect(await logitsOf(model, state, ids.slice(12), later)).toEqual(rest);
      }
      for (const one of states) one.dispose();
    });

    it('takes over a state with f32, and refuses those of another format', async () => {
      const state = plain.newState();
      await logitsOf(plain, state, ids, [12]);
      const saved = await state.save();
      const other = model.newState();
      await other.load(saved);
      expect(other.length).toBe(12);
      const back = plain.newState();
      if (state.rewindable) await expect(back.load(await other.save())).rejects.toThrow(CheckpointError);
      for (const one of [state, other, back]) one.dispose();
    });

    it('is close to f32, and computes what the reference backend does', async () => {
      const most = exact.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      const off = (x: readonly number[], y: readonly number[]) =>
        x.reduce((a, b, i) => Math.max(a, Math.abs(b - (y[i] as number))), 0) / most;
      expect(off(wanted, exact)).toBeLessThanOrEqual(OFF[format]);
      const reference = await Model.load(await openModel(localFolder(folder)), createReferenceBackend(), {
        keyValues: format,
      });
      expect(off(await logitsOf(reference, reference.newState(), ids, [ids.length]), wanted)).toBeLessThan(
        OFF[format] / 4,
      );
    });

    it('takes the memory that is said', async () => {
      const { stateBytesPerToken, stateBytesFixed } = describeModel(partsOf(model).opened, 1, format);
      const state = model.newState();
      await logitsOf(model, state, ids, [ids.length]);
      const rows = 64; // a state grows to this first
      expect(state.bytes).toBe(stateBytesFixed + rows * stateBytesPerToken);
      const before = describeModel(partsOf(model).opened).stateBytesPerToken;
      if (before > 0) expect(stateBytesPerToken / before).toBeLessThan(format === 'f16' ? 0.51 : 0.6);
      state.dispose();
    });
  });
});

it('refuses a format that does not exist, and closes the checkpoint', async () => {
  const { folder } = await readGolden('granite-untied');
  expect(KEY_VALUE_FORMATS).not.toContain('i4');
  await expect(load(folder, 'i4' as KeyValueFormat)).rejects.toThrow(UsageError);
});
