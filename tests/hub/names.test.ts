import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/base/errors.ts';
import {
  blobNameOf,
  checkRevision,
  fileNameProblem,
  folderOfRepo,
  isRepoId,
  repoOfFolder,
} from '../../src/hub/names.ts';
import { costOf } from '../cost.ts';

const RUNS = { numRuns: 2000 };
/** Text made of what matters in paths. */
const nasty = fc
  .array(fc.oneof(fc.constantFrom('..', '.', '/', '\\', '-', '--', '\0', 'C:', '~', '%2e', 'a', 'b_1', '.git', ' ')))
  .map((parts) => parts.join(''));
const text = fc.oneof(nasty, fc.string(), fc.string({ unit: 'binary' }));

/** Whether the path stays strictly below the folder, by the rules of the machine. */
function staysBelow(folder: string, path: string): boolean {
  const way = relative(folder, resolve(folder, path));
  return way !== '' && way.split(sep)[0] !== '..' && !isAbsolute(way);
}

describe('hub ids', () => {
  test.each([
    'ibm-granite/granite-3.1-1b-a400m-base',
    'a/b',
    'A_1/b.c-d',
    'TRI-ML/mamba-7b-rw',
    '_a/_b',
    `o/${'x'.repeat(96)}`,
  ])('%s is one', (id) => {
    expect(isRepoId(id)).toBe(true);
  });

  test.each(
    [
      '',
      'gpt2',
      '/',
      'a/',
      '/a',
      'a/b/c',
      './a',
      '../a',
      'a/..',
      'a/.',
      'a/-b',
      'a/b-',
      'a/b.',
      '.a/b',
      'a/b--c',
      'a/b..c',
      'a/b.git',
    ].concat([
      'a\\b',
      'a/b c',
      'a/b\n',
      'a/é',
      'a/b\0',
      'a/b?x',
      'a/b#x',
      'a/b%2f',
      'https://huggingface.co/a/b',
      `o/${'x'.repeat(97)}`,
    ]),
  )('%j is none', (id) => {
    expect(isRepoId(id)).toBe(false);
  });

  test('an id is one folder of the cache, and the folder tells the id', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        for (const id of [a, `${a}/${b}`]) {
          if (!isRepoId(id)) continue;
          const folder = folderOfRepo(id);
          expect(folder).toMatch(/^models--[\w.-]+$/);
          expect(join('/cache', folder)).toBe(`/cache/${folder}`);
          expect(repoOfFolder(folder)).toBe(id);
          expect(new URL(`https://hub/${id}`).pathname).toBe(`/${id}`);
        }
      }),
      RUNS,
    );
    const part = fc.stringMatching(/^[a-z][a-z0-9_.]{0,20}[a-z]$/).filter((part) => !/\.\.|\.git$/.test(part));
    fc.assert(fc.property(part, part, (org, name) => isRepoId(`${org}/${name}`)));
  });

  test('a long text is refused as fast as a short one', async () => {
    const cost = await costOf(() => {
      for (const bad of ['-', '/', '.', '!']) expect(isRepoId(`a/${'a-'.repeat(50_000)}${bad}`)).toBe(false);
    });
    expect(cost).toBeLessThan(500);
  });
});

test('a file name without a problem stays below its folder', () => {
  fc.assert(
    fc.property(text, (name) => {
      if (fileNameProblem(name) !== undefined) return;
      expect(staysBelow('/cache/snapshots/c', name)).toBe(true);
      expect(join('/cache', ...name.split('/'))).toBe(resolve('/cache', name));
    }),
    RUNS,
  );
  for (const name of ['config.json', 'a/b.json', '.gitattributes', 'a..b', '..a', 'ü.txt', 'a b'])
    expect(fileNameProblem(name)).toBeUndefined();
});

test('a revision that is let through stays below refs, and is one segment of a URL', () => {
  fc.assert(
    fc.property(text, (revision) => {
      try {
        checkRevision(revision);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        return;
      }
      expect(staysBelow('/cache/refs', revision)).toBe(true);
      expect(encodeURIComponent(revision)).not.toMatch(/[/\\?#]/);
    }),
    RUNS,
  );
  for (const revision of ['main', 'refs/pr/1', 'v1.0', 'feature/x_y', 'a'.repeat(40)]) checkRevision(revision);
});

test('a blob name is one plain file name, whatever the ETag', () => {
  fc.assert(
    fc.property(text, fc.boolean(), fc.boolean(), (etag, weak, quoted) => {
      const name = blobNameOf(`${weak ? 'W/' : ''}${quoted ? `"${etag}"` : etag}`);
      if (name !== undefined) expect(name).toMatch(/^\w[\w-]*$/);
    }),
    RUNS,
  );
  for (const etag of ['"abc"', 'W/"abc"', 'abc']) expect(blobNameOf(etag)).toBe('abc');
  for (const etag of [null, undefined, '', '""', '"a/b"', '"a.incomplete"', '".."'])
    expect(blobNameOf(etag)).toBeUndefined();
});
