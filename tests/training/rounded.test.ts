/** A model that was trained with lambda is saved so that it is rounded whenever it is loaded, as in its last steps. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Model } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openModel } from '../../src/loader/open.ts';

const folderOf = (name: string) => localFolder(fileURLToPath(new URL(`../golden/${name}`, import.meta.url)));
const IDS = [3, 17, 5, 9, 2, 11];

async function contentsOf(model: Model): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const { name, bytes } of await model.files()) {
    const parts: Uint8Array[] = [];
    for await (const part of bytes()) parts.push(part.slice());
    files.set(name, new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()));
  }
  return files;
}

it('has the bits of the plain model at lambda 0', async () => {
  const logitsOf = async (roundsLinears: boolean) => {
    const opened = await openModel(folderOf('llama-dense'), { weights: 'f32', roundsLinears });
    return (await Model.load(opened, createReferenceBackend())).logits(IDS);
  };
  expect(await logitsOf(true)).toEqual(await logitsOf(false));
});

it('has the logits of lambda 1 after saving and loading, up to sums of floats', async () => {
  const opened = await openModel(folderOf('llama-dense'), { weights: 'f32', roundsLinears: true });
  const model = await Model.load(opened, createReferenceBackend());
  Object.assign(opened.rounding as object, { lambda: 1 });
  const wanted = await model.logits(IDS);
  const files = await contentsOf(model);
  const saved = await Model.load(await openModel(memoryFolder(files)), createReferenceBackend());
  const found = await saved.logits(IDS);
  const largest = Math.max(...wanted.data.map(Math.abs));
  wanted.data.forEach((x, i) => {
    expect(Math.abs((found.data[i] as number) - x)).toBeLessThan(1e-5 * largest);
  });
  // Saved once more, the layers are packed.
  const packed = await contentsOf(saved);
  const again = await Model.load(await openModel(memoryFolder(packed)), createReferenceBackend());
  expect(await again.logits(IDS)).toEqual(found);
  const header = new TextDecoder('latin1').decode((packed.get('model.safetensors') as Uint8Array).subarray(0, 4000));
  expect(header).toMatch(/"model\.layers\.0\.mlp\.down_proj\.weight":\{"dtype":"U8"/);
  const config = JSON.parse(new TextDecoder().decode(files.get('config.json'))) as Record<string, unknown>;
  expect(config.quantization_config).toMatchObject({ linear_class: 'autobitlinear', quantization_mode: 'online' });
});

it.each(['backpack-levanter', 'mamba-odd'])('refuses maps that are stored as one: %s', async (name) => {
  await expect(openModel(folderOf(name), { weights: 'f32', roundsLinears: true })).rejects.toThrow(
    /several linear maps/,
  );
});
