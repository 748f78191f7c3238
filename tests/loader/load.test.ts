/** Loading lets go of what it holds, however it ends. */
import { expect, it } from 'vitest';
import { Model } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { type OpenedModel, openModel } from '../../src/loader/open.ts';
import { readGolden } from '../goldens.ts';

/** A model whose checkpoint counts how often it is closed. */
async function openCounted(): Promise<{ opened: OpenedModel; closed: () => number }> {
  const opened = await openModel(localFolder((await readGolden('granite-untied')).folder));
  let closed = 0;
  const close = () => {
    closed++;
    return opened.checkpoint.close();
  };
  return { opened: { ...opened, checkpoint: { ...opened.checkpoint, close } }, closed: () => closed };
}

it('closes the files when the model is loaded', async () => {
  const { opened, closed } = await openCounted();
  const model = await Model.load(opened, createReferenceBackend());
  expect(closed()).toBe(1);
  await model.dispose();
});

it('closes the files when there is no backend', async () => {
  const { opened, closed } = await openCounted();
  await expect(Model.load(opened, Promise.reject(new Error('no threads here')))).rejects.toThrow('no threads here');
  expect(closed()).toBe(1);
});

it('closes the files and disposes the backend when loading is aborted', async () => {
  const { opened, closed } = await openCounted();
  let disposed = 0;
  const backend = { ...createReferenceBackend(), dispose: async () => void disposed++ };
  await expect(Model.load(opened, backend, { signal: AbortSignal.abort() })).rejects.toThrow();
  expect([closed(), disposed]).toEqual([1, 1]);
});
