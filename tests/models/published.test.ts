/** Checkpoints whose configuration is as published files have it: the numbers are those of transformers 5.18, whatever the backend. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Model } from '../../src/api/model.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { readSafetensors } from '../../src/checkpoint/safetensors.ts';
import type { Source } from '../../src/checkpoint/source.ts';
import { openModel } from '../../src/loader/open.ts';
import { casesByBackend } from '../backends.ts';

const root = fileURLToPath(new URL('../fixtures/checkpoints/', import.meta.url));

/** Largest difference, as a share of the largest logit. */
const TOLERANCE = 5e-5;

const NAMES = [
  ...['mamba-original-config', 'mamba-original-config-with-rank', 'mamba-hf-dual-config', 'falcon-mamba'],
  ...['rope-linear', 'rope-llama3', 'rope-yarn', 'bitnet-online', 'granitemoeshared'],
  ...['made-ternary-norms', 'made-ternary-norms-packed', 'made-longrope', 'made-sliding-window'],
];

async function read(source: Source, name: string): Promise<ArrayBuffer> {
  const tensor = (await readSafetensors(source)).find((candidate) => candidate.name === name);
  const bytes = new Uint8Array(tensor?.byteLength ?? 0);
  await tensor?.read(0, bytes);
  return bytes.buffer;
}

describe.each(casesByBackend(NAMES))('on the %s backend', (_, create, names) => {
  test.each(names)('%s', async (name) => {
    const folder = localFolder(root + name);
    const source = (await folder.open('reference.safetensors')) as Source;
    const ids = [...new Int32Array(await read(source, 'ids'))];
    const wanted = new Float32Array(await read(source, 'logits'));
    await source.close();
    const model = await Model.load(await openModel(folder), await create());
    const { data } = await model.logits(ids);
    await model.dispose();
    expect(data.length).toBe(wanted.length);
    const largest = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const worst = wanted.reduce((most, x, i) => Math.max(most, Math.abs(x - (data[i] as number))), 0);
    expect(worst / largest).toBeLessThan(TOLERANCE);
  });
});
