/** A state in a file is the same state, and serves its own model only. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError, fromPretrained, loadState, type Model, saveState, UsageError } from '../../src/node.ts';
import { golden } from '../cli/cli.ts';

const IDS = [1, 2, 3, 4, 5, 6, 7];

describe.each(['backpack-formula', 'mamba-odd'])('%s', (name) => {
  let folder = '';
  let model: Model;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'portmanteau-state-'));
    model = await fromPretrained(golden(name), { threads: 1 });
  });
  afterAll(async () => {
    await model.dispose();
    rmSync(folder, { recursive: true });
  });
  const liveBytes = () => model.engine.backend.memory().liveBytes;

  it('goes on from the file as from the state', async () => {
    const file = join(folder, 'state.safetensors');
    const state = model.newState();
    await model.complete(IDS.slice(0, 4), { state, maxNewTokens: 0 });
    await saveState(model, state, file);
    const other = await fromPretrained(golden(name), { threads: 2 });
    const loaded = await loadState(other, file);
    expect(loaded.ids).toEqual(IDS.slice(0, 4));
    const options = { maxNewTokens: 1, ignoreEnd: true };
    const wanted = await model.complete(IDS.slice(4), { state, ...options });
    expect(await other.complete(IDS.slice(4), { state: loaded, ...options })).toEqual(wanted);
    state.dispose();
    await other.dispose();
  });

  it('a state that has read nothing can be saved too', async () => {
    const file = join(folder, 'empty.safetensors');
    const state = model.newState();
    await saveState(model, state, file);
    const loaded = await loadState(model, file);
    expect(loaded.length).toBe(0);
    for (const one of [state, loaded]) one.dispose();
  });

  it('what is no state of this model is refused by name, and takes no memory', async () => {
    const own = model;
    const before = liveBytes();
    const others = { 'llama-dense': {}, [name]: { weights: 'f16' } } as const;
    for (const [other, options] of Object.entries(others)) {
      const file = join(folder, 'other.safetensors');
      const model = await fromPretrained(golden(other), { threads: 1, ...options });
      const state = model.newState();
      await model.complete(IDS, { state, maxNewTokens: 0 });
      await saveState(model, state, file);
      await model.dispose();
      await expect(loadState(own, file)).rejects.toThrow(/another model/);
    }
    const weights = join(golden('llama-dense'), 'model.safetensors');
    await expect(loadState(model, weights)).rejects.toThrow(/no saved state/);
    const damaged = join(folder, 'damaged.safetensors');
    writeFileSync(damaged, new Uint8Array(100));
    await expect(loadState(model, damaged)).rejects.toThrow(CheckpointError);
    await expect(loadState(model, join(folder, 'nothing'))).rejects.toThrow(UsageError);
    expect(liveBytes()).toBe(before);
  });
});
