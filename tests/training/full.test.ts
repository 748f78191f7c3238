/** Which weights of a checkpoint are trained, and what stands against it. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openModel } from '../../src/loader/open.ts';
import { fullTrainable } from '../../src/training/full.ts';

async function trainableOf(name: string, roundsLinears: boolean, frozen?: (name: string) => boolean) {
  const folder = localFolder(fileURLToPath(new URL(`../golden/${name}`, import.meta.url)));
  const opened = await openModel(folder, { weights: 'f32', roundsLinears });
  await opened.checkpoint.close();
  return fullTrainable(opened.plan, createReferenceBackend(), frozen);
}

it('trains masters that are rounded online only with lambda', async () => {
  await expect(trainableOf('llama-online', false)).rejects.toThrow(/was rounded to 1.58 bits.*lambda/);
  const some = await trainableOf('llama-online', false, (name) => name.includes('_proj'));
  const all = await trainableOf('llama-online', true);
  expect(all.tensors.length).toBe(some.tensors.length + 2 * 7);
});

it('does not train packed ternary weights', async () => {
  await expect(trainableOf('llama-grouped', false)).rejects.toThrow(/no masters/);
});
