import fc from 'fast-check';
import { expect, test } from 'vitest';
import { missingFiles, wantedFiles } from '../../src/hub/wanted-files.ts';

const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
const bins = ['pytorch_model-00001-of-00002.bin', 'pytorch_model-00002-of-00002.bin'];

test.each([
  ['one file', ['model.safetensors'], ['model.safetensors']],
  ['safetensors before pickles', ['pytorch_model.bin', 'model.safetensors'], ['model.safetensors']],
  ['pickles where there is nothing else', ['pytorch_model.bin', 'flax_model.msgpack'], ['pytorch_model.bin']],
  ['shards', [...shards, 'model.safetensors.index.json'], shards],
  ['shards of pickles', [...bins, 'pytorch_model.bin.index.json'], bins],
  ['not the same weights twice', [...shards, 'model.safetensors.index.json', 'consolidated.safetensors'], shards],
  ['one file before shards', ['model.safetensors', ...shards, 'model.safetensors.index.json'], ['model.safetensors']],
  [
    'shards of unusual names',
    ['a.safetensors', 'b.safetensors', 'model.safetensors.index.json'],
    ['a.safetensors', 'b.safetensors'],
  ],
  ['not what lies in folders', ['onnx/model.safetensors', 'original/pytorch_model.bin'], []],
  ['not other precisions', ['pytorch_model.bin', 'pytorch_model.fp16.bin', 'optimizer.bin'], ['pytorch_model.bin']],
])('weights: %s', (_, names, weights) => {
  expect(wantedFiles([...names, 'README.md']).weights).toEqual(weights);
});

test('the index comes with its shards, before them', () => {
  expect(
    wantedFiles([...shards, 'model.safetensors.index.json', 'pytorch_model.bin.index.json', 'config.json']).small,
  ).toEqual(['config.json', 'model.safetensors.index.json']);
});

const names = fc.array(
  fc.oneof(
    fc.constantFrom(
      'config.json',
      'tokenizer.json',
      'model.safetensors',
      'model.safetensors.index.json',
      'pytorch_model.bin',
    ),
    fc.constantFrom(...shards, ...bins, 'a/b', 'x.safetensors', 'README.md', 'model-1-of-99999.safetensors'),
    fc.string(),
  ),
);

test('what is wanted is there, once, at the top, and wanting it again changes nothing', () => {
  fc.assert(
    fc.property(names, (names) => {
      const { small, weights } = wantedFiles(names);
      const all = [...small, ...weights];
      expect(new Set(all).size).toBe(all.length);
      for (const name of all) {
        expect(names).toContain(name);
        expect(name).not.toContain('/');
      }
      expect(wantedFiles(all)).toEqual({ small, weights });
    }),
  );
});

test('a folder lacks what its shards and its index speak of', () => {
  expect(missingFiles(['config.json', 'model.safetensors'], [], true)).toEqual([]);
  expect(missingFiles(['model.safetensors'], [], true)).toEqual(['config.json']);
  expect(missingFiles(['config.json'], [], true)).toEqual(['model.safetensors or pytorch_model.bin']);
  expect(missingFiles(['config.json', shards[1]!], [], true)).toEqual([shards[0]]);
  expect(missingFiles(['config.json', 'a.safetensors'], ['a.safetensors', 'b.safetensors'], true)).toEqual([
    'b.safetensors',
  ]);
  expect(missingFiles(['tokenizer.json'], [], false)).toEqual([]);
  expect(missingFiles([], [], false)).toEqual(['config.json']);
});
