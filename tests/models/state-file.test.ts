/** A state in a file is the same state, and serves its own model only. */

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partsOf } from '../../src/api/model.ts';
import {
  CheckpointError,
  checkSavedState,
  fromPretrained,
  loadState,
  localFolder,
  type Model,
  openPretrained,
  type PretrainedOptions,
  type Source,
  saveState,
  UsageError,
} from '../../src/node.ts';
import { golden } from '../cli/cli.ts';

const IDS = [1, 2, 3, 4, 5, 6, 7];

/** The same model with other numbers. */
async function otherNumbers(name: string, folder: string): Promise<string> {
  const copy = join(folder, 'copy');
  mkdirSync(copy, { recursive: true });
  cpSync(golden(name), copy, { recursive: true });
  const source = (await localFolder(copy).open('model.safetensors')) as Source;
  const bytes = new Uint8Array(source.size);
  await source.read(0, bytes);
  await source.close();
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  for (let i = 8 + length; i < bytes.length; i += 4) bytes[i] = (bytes[i] as number) ^ 1; // the last bit of every f32
  writeFileSync(join(copy, 'model.safetensors'), bytes);
  return copy;
}

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
  const liveBytes = () => partsOf(model).engine.backend.memory().liveBytes;

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

  it('is told from the states of others before the weights are loaded, and the message says what differs', async () => {
    const file = join(folder, 'before.safetensors');
    const state = model.newState();
    await model.complete(IDS, { state, maxNewTokens: 0 });
    await saveState(model, state, file);
    state.dispose();
    const check = async (reference: string, options: PretrainedOptions = {}) => {
      const opened = await openPretrained(reference, options);
      try {
        await checkSavedState(opened, file);
      } finally {
        await opened.checkpoint.close();
      }
    };
    await check(golden(name));
    await expect(check(golden('llama-dense'))).rejects.toThrow(/it is of (backpack|mamba), and this is llama/);
    await expect(check(golden(name), { weights: 'f16' })).rejects.toThrow(/its weights are .*f32.*, here .*f16/);
    await expect(check(golden(name), { config: { layer_norm_epsilon: 0.5 } })).rejects.toThrow(/"eps" is .*, here 0.5/);
    await expect(check(await otherNumbers(name, folder))).rejects.toThrow(/same shape, but other weights/);
    await expect(check(golden(name), { config: { transformers_version: 'x' } })).resolves.toBeUndefined();
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
