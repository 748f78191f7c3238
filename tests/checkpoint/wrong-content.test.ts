/** Files that are another kind of file than their name says: the message says which, and what to do. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/base/errors.ts';
import { openCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { readJson } from '../../src/checkpoint/source.ts';
import { openModel } from '../../src/loader/open.ts';

const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const padded = (start: string) => bytes(start + '\x01\x02\x03\x04\x05\x06\x07\x08'.repeat(20));

const POINTER = bytes(
  'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n',
);
const OTHERS: [string, Uint8Array, RegExp][] = [
  ['a pointer of Git LFS', POINTER, /is a pointer of Git LFS.*git lfs pull/],
  [
    'a web page',
    new TextEncoder().encode('<!DOCTYPE html>\n<html lang="en"><title>Sign in – Gerät</title></html>\n'),
    /is a web page/,
  ],
  ['an error of a store', bytes('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'), /is a web page/],
  ['gzip', new Uint8Array(gzipSync('{}')), /packed with gzip/],
  ['xz', padded('\xfd7zXZ\0\0\x04'), /packed with xz/],
  ['GGUF', padded('GGUF\x03\0\0\0'), /is a GGUF file/],
  ['HDF5', padded('\x89HDF\r\n\x1a\n'), /is an HDF5 file/],
  ['nothing', new Uint8Array(), /is empty/],
  ['zeros', new Uint8Array(1000), /zeros only/],
];

const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'was read',
    (error) => {
      expect(error).toBeInstanceOf(CheckpointError);
      expect(error.message).not.toMatch(/damaged/);
      return error.message;
    },
  );

describe.each(OTHERS)('%s', (_, content, message) => {
  test.each(['model.safetensors', 'pytorch_model.bin'])('as %s', async (file) => {
    const opening = openCheckpoint(memoryFolder(new Map([[file, content]])));
    expect(await messageOf(opening)).toMatch(message);
  });

  test.each(['config.json', 'tokenizer.json'])('as %s', async (file) => {
    expect(await messageOf(readJson(memoryFolder(new Map([[file, content]])), file, 1e6))).toMatch(message);
  });
});

test('a file of torch.save as model.safetensors, and the other way round', async () => {
  const zip = memoryFolder(new Map([['model.safetensors', padded('PK\x03\x04\x14\0\x08\0')]]));
  expect(await messageOf(openCheckpoint(zip))).toMatch(/zip file.*pytorch_model.bin/);
  const safe = memoryFolder(new Map([['pytorch_model.bin', bytes('\x08\0\0\0\0\0\0\0{"a":{}}')]]));
  expect(await messageOf(openCheckpoint(safe))).toMatch(/is a safetensors file/);
});

test('text in UTF-16, as PowerShell writes it', async () => {
  const config = new Uint8Array([0xff, 0xfe, ...bytes('{\0}\0')]);
  const folder = memoryFolder(new Map([['config.json', config]]));
  expect(await messageOf(readJson(folder, 'config.json', 1e6))).toMatch(/UTF-16: save it as UTF-8/);
});

test.each([
  ['{"a":1,}', /is no JSON/],
  ['{"a":', /cut off/],
  ['{"a": nan}', /is no JSON/],
])('%s as config.json: what is wrong with it, and no advice to fetch it again', async (text, message) => {
  const said = await messageOf(readJson(memoryFolder(new Map([['config.json', bytes(text)]])), 'config.json', 1e6));
  expect(said).toMatch(message);
  expect(said).not.toMatch(/fetch/i);
});

describe('a folder without weights that this library reads says what its files are', () => {
  test.each<[string[], RegExp]>([
    [
      ['llama-q4.gguf'],
      /llama-q4.gguf is in the format GGUF or GGML, which is not read here: take the checkpoint in safetensors/,
    ],
    [['model.onnx', 'model.onnx_data'], /model.onnx is for ONNX/],
    [['consolidated.00.pth', 'params.json'], /consolidated.00.pth .*layout of its authors/],
    [['consolidated.safetensors', 'params.json'], /consolidated.safetensors .*layout of its authors/],
    [['adapter_model.safetensors', 'adapter_config.json'], /adapter.*merge_and_unload/],
    [['model.pt'], /model.pt.*rename it to pytorch_model.bin/],
    [['tf_model.h5'], /tf_model.h5 is for TensorFlow/],
    [['flax_model.msgpack'], /flax_model.msgpack is for Flax/],
    [['weights.safetensors'], /weights.safetensors.*rename it to model.safetensors/],
    [
      ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'],
      /model.safetensors.index.json is missing/,
    ],
    [['README.md'], /(found|has) README.md/],
    [[], /wanted model.safetensors or pytorch_model.bin/],
  ])('%j', async (names, message) => {
    const files = new Map(names.map((name) => [name, padded('x')]));
    expect(await messageOf(openCheckpoint(memoryFolder(files)))).toMatch(message);
    if (names.length > 0) expect(await messageOf(openModel(memoryFolder(files)))).toMatch(message);
  });
});
