/** What the tools for senses keep on disk: tables of a model, and edits as intervention files. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Model } from '../../../src/api/model.ts';
import { fromPretrained, loadTensors, saveInterventions, senseTables, tablesDirectory } from '../../../src/node.ts';

let model: Model;
let folder: string;
beforeAll(async () => {
  model = await fromPretrained('backpack-tiny', { threads: 2 });
});
afterAll(() => model.dispose());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-senses-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('a table is kept for the model, and read again', async () => {
  const tables = await senseTables(model, folder);
  expect(await tables.read('maxima')).toBeUndefined();
  const first = await model.senses.topic(['horse'], { cache: tables });
  const [place] = readdirSync(join(folder, 'senses'));
  const files = readdirSync(join(folder, 'senses', place!)).sort();
  expect(files).toHaveLength(2);
  expect(files[0]).toBe('maxima.safetensors');
  const stages: string[] = [];
  const again = await model.senses.topic(['horse'], {
    cache: await senseTables(model, folder),
    onStage: (stage) => stages.push(stage),
  });
  expect(stages).toEqual([]);
  expect(again.bounds).toEqual(first.bounds);
  writeFileSync(join(folder, 'senses', place!, 'maxima.safetensors'), 'damaged');
  expect(await tables.read('maxima')).toBeUndefined();
  const long = `topic-${'1234-'.repeat(50)}`;
  await tables.write(long, new Float32Array([1, 2]));
  expect(await tables.read(long)).toEqual(new Float32Array([1, 2]));
});

it('the folder of tables is that of the environment', () => {
  expect(tablesDirectory({ PORTMANTEAU_CACHE: '/x' })).toBe('/x');
  expect(tablesDirectory({ XDG_CACHE_HOME: '/y' })).toBe(join('/y', 'portmanteau'));
});

it('an edit is saved as JSON with its vectors beside it', async () => {
  const file = join(folder, 'king.json');
  const edit = await model.senses.edited({ word: 'king', remove: 'wife', add: 'mother' });
  await saveInterventions(file, edit);
  const id = model.tokenizer!.encode(' king')[0];
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    version: 1,
    vectors: 'king.safetensors',
    interventions: [{ senses: { token: id }, set: { vector: `token${id}.senses` } }],
  });
  const vectors = await loadTensors(join(folder, 'king.safetensors'));
  expect(vectors.get(`token${id}.senses`)).toEqual({ ...edit.vectors.get(`token${id}.senses`) });
  await saveInterventions(join(folder, 'scale.json'), model.senses.scaled('king', 5, 0));
  expect(existsSync(join(folder, 'scale.safetensors'))).toBe(false);
  await expect(saveInterventions('-', edit)).rejects.toThrow('two files');
});
