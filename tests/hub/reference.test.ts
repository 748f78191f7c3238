/** What people write for a model on the hub is understood, or refused with what to write. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/base/errors.ts';
import { isOldRepoId, isRepoId } from '../../src/hub/names.ts';
import { hubReference, oneRevision, requireReference } from '../../src/hub/reference.ts';

const SHA = '0123456789abcdef0123456789abcdef01234567';

test.each([
  ['org/name', 'org/name', undefined],
  ['org/name/', 'org/name', undefined],
  ['org/name@v1.0', 'org/name', 'v1.0'],
  ['org/name@refs/pr/3', 'org/name', 'refs/pr/3'],
  [`org/name@${SHA}`, 'org/name', SHA],
  ['gpt2', 'gpt2', undefined],
  ['gpt2@main', 'gpt2', 'main'],
  ['models--org--name', 'org/name', undefined],
  ['models--org--name/', 'org/name', undefined],
  ['models--gpt2', 'gpt2', undefined],
  ['hf://org/name', 'org/name', undefined],
  ['hf://models/org/name', 'org/name', undefined],
  ['hf://org/name@dev', 'org/name', 'dev'],
  ['hf://org/name@refs/pr/3/config.json', 'org/name', 'refs/pr/3'],
  ['hf://org/name@dev/config.json', 'org/name', 'dev'],
  ['hf://org/name@feature%2Fx', 'org/name', 'feature/x'],
  ['hf://gpt2', 'gpt2', undefined],
  ['https://huggingface.co/org/name', 'org/name', undefined],
  ['https://huggingface.co/org/name/', 'org/name', undefined],
  ['http://huggingface.co/org/name', 'org/name', undefined],
  ['HTTPS://HuggingFace.co/org/name', 'org/name', undefined],
  ['https://www.huggingface.co/org/name', 'org/name', undefined],
  ['https://hf.co/org/name', 'org/name', undefined],
  ['hf.co/org/name', 'org/name', undefined],
  ['huggingface.co/org/name/tree/main', 'org/name', 'main'],
  ['https://huggingface.co/org/name?library=transformers#usage', 'org/name', undefined],
  ['https://huggingface.co/org/name.git', 'org/name', undefined],
  ['https://huggingface.co/models/org/name', 'org/name', undefined],
  ['https://huggingface.co/api/models/org/name', 'org/name', undefined],
  ['https://huggingface.co/org/name/tree/main', 'org/name', 'main'],
  ['https://huggingface.co/org/name/tree/main/', 'org/name', 'main'],
  ['https://huggingface.co/org/name/blob/main/config.json', 'org/name', 'main'],
  ['https://huggingface.co/org/name/resolve/v1/model.safetensors?download=true', 'org/name', 'v1'],
  ['https://huggingface.co/org/name/raw/main/README.md', 'org/name', 'main'],
  ['https://huggingface.co/org/name/tree/refs%2Fpr%2F5', 'org/name', 'refs/pr/5'],
  ['https://huggingface.co/org/name/tree/refs/pr/5', 'org/name', 'refs/pr/5'],
  ['https://huggingface.co/org/name/blob/refs/pr/5/config.json', 'org/name', 'refs/pr/5'],
  ['https://huggingface.co/org/name/tree/feature%2Fx', 'org/name', 'feature/x'],
  [`https://huggingface.co/org/name/commit/${SHA}`, 'org/name', SHA],
  ['https://huggingface.co/gpt2', 'gpt2', undefined],
  ['https://huggingface.co/gpt2/tree/main', 'gpt2', 'main'],
  ['https://huggingface.co/org/tree/tree/main', 'org/tree', 'main'],
  ['git@hf.co:org/name', 'org/name', undefined],
  ['ssh://git@hf.co/org/name.git', 'org/name', undefined],
  [' org/name ', 'org/name', undefined],
])('%s is %s at %s', (text, repo, revision) => {
  expect(hubReference(text)).toEqual({ repo, revision });
});

test('the address of HF_ENDPOINT is the hub too, with what stands before the names', () => {
  const endpoint = 'http://localhost:8080/hf';
  expect(hubReference('http://localhost:8080/hf/org/name/tree/dev', endpoint)).toEqual({
    repo: 'org/name',
    revision: 'dev',
  });
  expect(hubReference('localhost:8080/hf/org/name', endpoint)).toEqual({ repo: 'org/name', revision: undefined });
  expect(hubReference('https://huggingface.co/org/name', endpoint)?.repo).toBe('org/name');
  expect(() => hubReference('http://localhost:8080/other/org/name', endpoint)).toThrow(UsageError);
});

test.each([
  ['https://huggingface.co/datasets/org/name', /of its datasets/],
  ['https://huggingface.co/spaces/org/name', /of its spaces/],
  ['hf://datasets/org/name', /of its datasets/],
  ['https://huggingface.co/org/name/discussions/5', /write org\/name, or org\/name@REVISION/],
  ['https://huggingface.co/org/name/commits/main', /write org\/name/],
  ['https://huggingface.co/org/name/tree', /write org\/name/],
  ['https://huggingface.co/org/name/tree/main/sub', /folder or file 'sub' inside.*write org\/name,/],
  ['https://huggingface.co/org/name/blob/v1/sub/config.json', /write org\/name@v1/],
  ['https://huggingface.co/org/name/blob/main/model-Q4.gguf', /'model-Q4.gguf' is in a format that is not read/],
  ['https://huggingface.co/', /names no model: wanted org\/name/],
  ['https://huggingface.co', /names no model: wanted org\/name/],
  ['hf://', /names no model: wanted org\/name/],
  ['hf://a/b@..', /no revision/],
  ['https://hf-mirror.com/org/name', /HF_ENDPOINT=https:\/\/hf-mirror.com/],
  ['https://me:secret@example.com/x/y', /not on the hub/],
  ['ftp://huggingface.co/org/name', /not on the hub/],
  ['s3://bucket/name', /not on the hub/],
  ['https://github.com/org/name', /download the files and give their folder/],
])('%s is refused with what to write', (text, told) => {
  expect(() => hubReference(text)).toThrow(UsageError);
  expect(() => hubReference(text)).toThrow(told);
  expect(() => hubReference(text)).not.toThrow(/secret/);
});

test.each([
  '',
  'a/b/c',
  './a',
  '../a',
  '/a/b',
  'a b',
  'C:\\x',
  'org\\name',
  'a//b',
  '-x',
  'x.git',
  'org/a--b',
  '@main',
])('%j is nothing of the kind, and may be a path', (text) => {
  expect(hubReference(text)).toBeUndefined();
  expect(() => requireReference(text)).toThrow(/is no hub id: wanted org\/name/);
});

describe('whatever comes', () => {
  const piece = fc.constantFrom(
    'https://',
    'hf://',
    'huggingface.co',
    'hf.co',
    '/',
    '@',
    'tree',
    'blob',
    'main',
    '..',
    '%2F',
    '%',
    'a',
    'b',
    ':',
    '?',
    '#',
    '--',
    'models',
  );
  test('what is understood is an id, and all else an error that can be acted on', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece).map((parts) => parts.join('')),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          try {
            const found = hubReference(text);
            if (found) expect(isRepoId(found.repo) || isOldRepoId(found.repo)).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('one revision is taken, two are refused', () => {
    expect(oneRevision('x', undefined, undefined)).toBeUndefined();
    expect(oneRevision('x', 'a', undefined)).toBe('a');
    expect(oneRevision('x', undefined, 'b')).toBe('b');
    expect(oneRevision('x', 'a', 'a')).toBe('a');
    expect(() => oneRevision('x', 'a', 'b')).toThrow(/'a', and 'b'/);
  });
});
