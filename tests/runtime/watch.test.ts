/** Passes that are watched: `check` names op and site of the first bad number, `profile` measures every op, and neither changes a bit. */
import { describe, expect, it } from 'vitest';
import { type LoadOptions, Model, partsOf } from '../../src/api/model.ts';
import { NotFiniteError } from '../../src/base/errors.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openModel } from '../../src/loader/open.ts';
import { backends } from '../backends.ts';
import { golden } from '../cli/cli.ts';
import { damaged } from '../damaged.ts';

const ids = [3, 1, 4, 1, 5];

describe.each(backends)('on the %s backend', (_, create) => {
  const load = async (folder: string, options: LoadOptions = {}) =>
    Model.load(await openModel(localFolder(folder), { weights: 'f32' }), await create(), options);

  it.each([
    ['llama-dense', 'model.layers.1.mlp.down_proj.weight', Number.NaN, 'linear', 'blocks.1.mlpOut'],
    ['llama-dense', 'model.layers.0.self_attn.k_proj.weight', Number.POSITIVE_INFINITY, 'linear', 'blocks.0.q'],
    ['granite-moe-formula', 'model.norm.weight', Number.NEGATIVE_INFINITY, 'rmsNorm', 'hidden'],
    [
      'granite-moe-formula',
      'model.layers.1.block_sparse_moe.output_linear.weight',
      Number.NaN,
      'experts',
      'blocks.1.mlpOut',
    ],
    ['mamba-odd', 'layers.1.mixer.A_log', Number.NaN, 'selectiveScan', 'blocks.1.scanOut'],
    ['backpack-hub', 'gpt2_model.ln_f.bias', Number.NaN, 'layerNorm', 'context'],
  ])('%s with a bad %s (%d): %s at %s', async (name, tensor, value, op, site) => {
    const opened = await openModel(memoryFolder(damaged(name, tensor, value)), { weights: 'f32' });
    const model = await Model.load(opened, await create(), { check: true });
    const state = model.newState();
    const error = await model.complete(ids, { state, maxNewTokens: 2 }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(NotFiniteError);
    expect(error).toMatchObject({ op, site });
    expect(error.message).toContain(`'${op}' on the way to site '${site}' gave the first NaN or infinity`);
    expect(state.length).toBe(0);
    await expect(model.score(ids)).rejects.toThrow(NotFiniteError);
    await model.dispose();
  });

  it.each(['backpack-hub', 'granite-moe-formula', 'llama-2b4t', 'mamba-odd'])(
    '%s gives the same bits when it is watched',
    async (name) => {
      const results = [];
      for (const options of [{}, { check: true, profile: true }]) {
        const model = await load(golden(name), options);
        const text = await model.complete(ids, { maxNewTokens: 6, ignoreEnd: true });
        const several: unknown[] = [];
        for await (const step of model.generate([ids, [2], [1, 1]], { maxNewTokens: 3, ignoreEnd: true }))
          several.push(step);
        const captured = await model.capture(ids, { sites: ['*'] });
        results.push({ text, several, captured, score: await model.score(ids) });
        expect(model.profile.length > 0).toBe(options.profile === true);
        await model.dispose();
      }
      for (const result of results) expect(result).toEqual(results[0]);
    },
  );

  it('a profile counts calls and bytes of every op, by the site that it led to', async () => {
    const model = await load(golden('llama-dense'), { profile: true });
    const { vocabSize, dModel, nLayers } = model.facts;
    const before = partsOf(model).engine.backend.memory().liveBytes;
    await model.logits(ids);
    const row = (op: string, site: string) => model.profile.find((some) => some.op === op && some.site === site);
    const bytes = 4 * (vocabSize * dModel + ids.length * (dModel + vocabSize));
    expect(row('linear', 'logits')).toMatchObject({ calls: 1, bytes });
    expect(row('linear', 'blocks.*.mlpOut')).toMatchObject({ calls: nLayers });
    expect(row('embed', 'embed')).toMatchObject({ calls: 1, bytes: 4 * ids.length * (2 * dModel + 1) });
    expect(row('attention', 'blocks.*.z')?.bytes).toBeGreaterThan(0);
    expect(model.profile.every(({ ms }) => ms >= 0)).toBe(true);
    expect(model.profile.map(({ ms }) => ms)).toEqual(model.profile.map(({ ms }) => ms).sort((a, b) => b - a));
    expect(model.profile.some(({ site }) => site === '')).toBe(false);
    await model.logits(ids);
    expect(row('linear', 'logits')).toMatchObject({ calls: 2, bytes: 2 * bytes });
    expect(partsOf(model).engine.backend.memory().liveBytes).toBe(before);
    await model.dispose();
  });
});
