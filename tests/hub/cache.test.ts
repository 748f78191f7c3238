import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../../src/base/errors.ts';
import { cacheDirectory, listCache, removeCached, verifyCached } from '../../src/hub/cache-node.ts';
import { scratch } from './scratch.ts';

const folder = scratch();

/** Puts text into the cache as the Python tool would, and says how many bytes that took. */
function put(cacheDir: string, id: string, commit: string, file: string, text: string, git = false): string {
  const hash = git ? createHash('sha1').update(`blob ${text.length}\0`) : createHash('sha256');
  const name = hash.update(text).digest('hex');
  const root = join(cacheDir, `models--${id.replace('/', '--')}`);
  const path = join(root, 'snapshots', commit, file);
  mkdirSync(join(root, 'blobs'), { recursive: true });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(join(root, 'blobs', name), text);
  rmSync(path, { force: true });
  symlinkSync(join('../'.repeat(1 + file.split('/').length), 'blobs', name), path);
  return join(root, 'blobs', name);
}

function ref(cacheDir: string, id: string, name: string, commit: string): void {
  const path = join(cacheDir, `models--${id.replace('/', '--')}`, 'refs', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, commit);
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const [A, B] = ['a'.repeat(40), 'b'.repeat(40)] as const;

test('the cache lies where the Python tool has it', () => {
  const home = homedir();
  expect(cacheDirectory({})).toBe(join(home, '.cache', 'huggingface', 'hub'));
  expect(cacheDirectory({ XDG_CACHE_HOME: '/x' })).toBe('/x/huggingface/hub');
  expect(cacheDirectory({ XDG_CACHE_HOME: '/x', HF_HOME: '/h' })).toBe('/h/hub');
  expect(cacheDirectory({ HF_HOME: '~/h' })).toBe(join(home, 'h', 'hub'));
  expect(cacheDirectory({ XDG_CACHE_HOME: '/x', HF_HOME: '/h', HF_HUB_CACHE: '/c' })).toBe('/c');
  expect(cacheDirectory({ HF_HUB_CACHE: '', HF_HOME: '' })).toBe(cacheDirectory({}));
});

test('a cache that is not there is empty', async () => {
  const cacheDir = join(folder.path, 'none');
  expect(await listCache({ cacheDir })).toEqual([]);
  expect(await all(verifyCached(undefined, { cacheDir }))).toEqual([]);
  await expect(removeCached('org/model', { cacheDir })).rejects.toBeInstanceOf(UsageError);
});

test('listing counts each blob once, and only models', async () => {
  const cacheDir = folder.path;
  put(cacheDir, 'org/model', A, 'config.json', 'shared');
  put(cacheDir, 'org/model', B, 'config.json', 'shared');
  put(cacheDir, 'org/model', B, 'sub/x', 'more');
  put(cacheDir, 'gpt2', A, 'config.json', 'old id');
  mkdirSync(join(cacheDir, 'datasets--a--b', 'snapshots', A), { recursive: true });
  mkdirSync(join(cacheDir, '.locks', 'models--org--model'), { recursive: true });
  writeFileSync(join(cacheDir, 'models--a--file'), '');
  expect(await listCache({ cacheDir })).toEqual([
    { id: 'gpt2', bytes: 6, revisions: [A] },
    { id: 'org/model', bytes: 10, revisions: [A, B] },
  ]);
});

test('removing one revision keeps every file of the others, frees the rest, and says how much', async () => {
  const contents = fc.constantFrom('one', 'two!', 'three', 'four four', '');
  const revision = fc.dictionary(fc.constantFrom('config.json', 'model.safetensors', 'sub/a'), contents, {
    minKeys: 1,
  });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(revision, { minLength: 1, maxLength: 3 }), fc.nat(), async (revisions, choice) => {
      const cacheDir = join(folder.path, String(run++));
      const commits = revisions.map((_, i) => String(i).repeat(40));
      for (const [i, files] of revisions.entries()) {
        for (const [file, text] of Object.entries(files)) put(cacheDir, 'org/model', commits[i]!, file, text);
        ref(cacheDir, 'org/model', `refs/pr/${i}`, commits[i]!);
      }
      const doomed = choice % revisions.length;
      const before = (await listCache({ cacheDir }))[0]!.bytes;
      const { freedBytes } = await removeCached('org/model', { cacheDir, revision: `refs/pr/${doomed}` });
      const kept = revisions.filter((_, i) => i !== doomed);
      const texts = new Set(kept.flatMap((files) => Object.values(files)));
      const bytes = [...texts].reduce((sum, text) => sum + text.length, 0);
      const refs = 40 * kept.length;
      expect(before - freedBytes).toBe(bytes + refs);
      expect(await listCache({ cacheDir })).toEqual(
        kept.length === 0
          ? []
          : [{ id: 'org/model', bytes: bytes + refs, revisions: commits.filter((_, i) => i !== doomed) }],
      );
      for (const result of await all(verifyCached(undefined, { cacheDir }))) expect(result.ok).toBe(true);
      for (const [i, files] of revisions.entries())
        for (const [file, text] of Object.entries(files)) {
          const path = join(cacheDir, 'models--org--model', 'snapshots', commits[i]!, file);
          if (i === doomed) expect(existsSync(path)).toBe(false);
          else expect(readFileSync(path, 'utf8')).toBe(text);
        }
    }),
    { numRuns: 25 },
  );
});

test('removing a model leaves nothing of it, and the others as they were', async () => {
  const cacheDir = folder.path;
  put(cacheDir, 'org/model', A, 'config.json', 'x');
  put(cacheDir, 'org/other', A, 'config.json', 'yy');
  mkdirSync(join(cacheDir, '.locks', 'models--org--model'), { recursive: true });
  expect(await removeCached('org/model', { cacheDir })).toEqual({ freedBytes: 1 });
  expect(readdirSync(cacheDir).sort()).toEqual(['.locks', 'models--org--other']);
  expect(readdirSync(join(cacheDir, '.locks'))).toEqual([]);
});

test.each(['../x', '..', '', '/etc', 'org/none', 'org\\model', '.locks', 'models--org--model'])(
  '%j is not removed',
  async (id) => {
    const cacheDir = join(folder.path, 'hub');
    put(cacheDir, 'org/model', A, 'config.json', 'x');
    mkdirSync(join(folder.path, 'x'));
    await expect(removeCached(id, { cacheDir })).rejects.toBeInstanceOf(UsageError);
    expect(existsSync(join(folder.path, 'x'))).toBe(true);
    expect((await listCache({ cacheDir })).length).toBe(1);
  },
);

test.each(['dev', B, '../..', '.', ''])('revision %j, which is not there, is not removed', async (revision) => {
  const cacheDir = folder.path;
  put(cacheDir, 'org/model', A, 'config.json', 'x');
  await expect(removeCached('org/model', { cacheDir, revision })).rejects.toBeInstanceOf(UsageError);
  expect((await listCache({ cacheDir }))[0]!.revisions).toEqual([A]);
});

test('a link that leads out of the blobs is removed, not what it leads to', async () => {
  const cacheDir = join(folder.path, 'hub');
  put(cacheDir, 'org/model', A, 'config.json', 'x');
  put(cacheDir, 'org/model', B, 'config.json', 'x');
  writeFileSync(join(folder.path, 'precious'), 'x');
  symlinkSync('../../../../precious', join(cacheDir, 'models--org--model', 'snapshots', A, 'evil'));
  await removeCached('org/model', { cacheDir, revision: A });
  expect(existsSync(join(folder.path, 'precious'))).toBe(true);
});

test('verifying finds exactly the files whose bytes changed, were cut, or are gone', async () => {
  const cacheDir = folder.path;
  for (const git of [true, false]) put(cacheDir, 'org/good', A, `${git}.json`, 'fine', git);
  const changed = put(cacheDir, 'org/model', A, 'config.json', 'changed', true);
  put(cacheDir, 'org/model', B, 'config.json', 'changed', true);
  const cut = put(cacheDir, 'org/model', A, 'model.safetensors', 'cut');
  const gone = put(cacheDir, 'org/model', A, 'sub/gone', 'gone');
  writeFileSync(changed, 'chaNged');
  writeFileSync(cut, 'cu');
  rmSync(gone);
  const root = join(cacheDir, 'models--org--model');
  symlinkSync('../../blobs/some-etag', join(root, 'snapshots', A, 'etag'));
  writeFileSync(join(root, 'blobs', 'some-etag'), 'who knows');
  writeFileSync(join(root, 'snapshots', A, 'copy'), 'a file of its own');
  const results = await all(verifyCached(undefined, { cacheDir }));
  const short = results.map(({ file, ok, problem }) => [
    file.slice(cacheDir.length + '/models--'.length),
    ok,
    problem?.split(' ').slice(0, 3).join(' '),
  ]);
  expect(short.sort()).toEqual([
    [`org--good/snapshots/${A}/false.json`, true, undefined],
    [`org--good/snapshots/${A}/true.json`, true, undefined],
    [`org--model/snapshots/${A}/config.json`, false, 'its checksum is'],
    [`org--model/snapshots/${A}/copy`, true, 'a copy without'],
    [`org--model/snapshots/${A}/etag`, true, 'the name of'],
    [`org--model/snapshots/${A}/model.safetensors`, false, 'its checksum is'],
    [`org--model/snapshots/${A}/sub/gone`, false, 'its blob is'],
    [`org--model/snapshots/${B}/config.json`, false, 'its checksum is'],
  ]);
  expect((await all(verifyCached('org/good', { cacheDir }))).length).toBe(2);
  expect(await all(verifyCached('org/none', { cacheDir }))).toEqual([]);
  await expect(all(verifyCached(undefined, { cacheDir, signal: AbortSignal.abort() }))).rejects.toThrow('aborted');
});
