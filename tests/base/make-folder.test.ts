/** makeFolder makes what is missing, and ends where a file system makes no folders. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFolder } from '../../src/base/make-folder-node.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'folder-'));
});
afterEach(() => rmSync(root, { recursive: true }));

it('makes folders above too, and tells the first that was not there', async () => {
  expect(await makeFolder(join(root, 'a', 'b', 'c'))).toBe(join(root, 'a'));
  expect(statSync(join(root, 'a', 'b', 'c')).isDirectory()).toBe(true);
  expect(await makeFolder(join(root, 'a', 'b'))).toBeUndefined();
});

it('several at a time make it once', async () => {
  const made = await Promise.all(Array.from({ length: 8 }, () => makeFolder(join(root, 'x', 'y'))));
  expect(statSync(join(root, 'x', 'y')).isDirectory()).toBe(true);
  expect(made.filter((path) => path === join(root, 'x'))).toHaveLength(1);
});

it('a file in the way is an error', async () => {
  writeFileSync(join(root, 'file'), '');
  await expect(makeFolder(join(root, 'file'))).rejects.toThrow(/EEXIST/);
  await expect(makeFolder(join(root, 'file', 'a'))).rejects.toThrow(/ENOTDIR/);
});

it.runIf(process.platform === 'linux')(
  'a file system without new folders is an error, not an endless loop',
  async () => {
    await expect(makeFolder('/proc/none/here')).rejects.toThrow(/ENOENT/);
  },
);
