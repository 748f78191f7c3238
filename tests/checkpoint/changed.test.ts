/** A checkpoint that is written to while it is loaded is no model. */
import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Model } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { CheckpointError } from '../../src/base/errors.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openModel } from '../../src/loader/open.ts';
import { golden } from '../cli/cli.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-changed-'));
  cpSync(golden('llama-dense'), folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Loads while `change` is made to the file of weights after the first bytes have been read. */
async function loadWhile(change: (file: string) => void): Promise<void> {
  const opened = await openModel(localFolder(folder));
  let changed = false;
  const onProgress = () => {
    if (!changed) change(join(folder, 'model.safetensors'));
    changed = true;
  };
  const model = await Model.load(opened, createReferenceBackend(), { onProgress });
  expect(changed).toBe(true);
  await model.dispose();
}

const later = (file: string) => utimesSync(file, new Date(), new Date(Date.now() + 5000));

describe('while a model is loaded, its file is', () => {
  test.each<[string, (file: string) => void]>([
    [
      'written anew, in its size',
      (file) => {
        writeFileSync(file, readFileSync(file), { flag: 'r+' });
        later(file); // file systems tell times by milliseconds
      },
    ],
    ['written to at the end', (file) => writeFileSync(file, 'x', { flag: 'a' })],
    [
      'replaced by another',
      (file) => {
        copyFileSync(file, `${file}.new`);
        renameSync(`${file}.new`, file);
      },
    ],
  ])('%s: refused', async (_, change) => {
    const error = await loadWhile(change).catch((error) => error);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.message).toMatch(/model.safetensors has been changed while/);
  });

  test('cut: refused', async () => {
    await expect(loadWhile((file) => writeFileSync(file, ''))).rejects.toThrow(CheckpointError);
  });

  test.each<[string, (file: string) => void]>([
    ['read by others', (file) => void readFileSync(file)],
    ['deleted', (file) => unlinkSync(file)],
  ])('%s: loaded', async (_, change) => {
    await loadWhile(change);
  });
});
