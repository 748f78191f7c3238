/** The playground as a folder: it has what the server of the playground hands out, whole or not at all. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { servePlayground, shippedModelNames, writePlayground } from '../../src/node.ts';

const build = fileURLToPath(new URL('../../dist/playground/', import.meta.url));
const models = fileURLToPath(new URL('../../models/', import.meta.url));

describe('playground --out', () => {
  let above = '';
  let out = '';
  beforeEach(() => {
    above = mkdtempSync(join(tmpdir(), 'playground-'));
    out = join(above, 'some', 'site');
  });
  afterEach(() => rmSync(above, { recursive: true }));

  /** A folder with the files of a shipped model. */
  const copyOf = (name: string, folder: string) => {
    mkdirSync(join(above, folder), { recursive: true });
    for (const file of readdirSync(`${models}${name}`))
      symlinkSync(`${models}${name}/${file}`, join(above, folder, file));
    return join(above, folder);
  };
  const filesIn = (folder: string) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
      .sort();

  test('writes the page and what the library reads of each model, as the server hands them out', async () => {
    const own = copyOf('mamba-tiny', 'my model #1');
    const written = await writePlayground(out, { models: [own] });
    expect(written.models).toEqual(['my model #1', ...shippedModelNames()]);
    const files = filesIn(`${out}/`);
    expect(files.filter((file) => !file.startsWith('models/'))).toEqual(filesIn(build));
    expect(files).toContain('models/my model #1/model.safetensors');
    expect(files).not.toContain('models/granite-tiny/training.json');
    expect(written).toMatchObject({ files: files.length });
    const site = await servePlayground({ port: 0, models: [own] });
    let bytes = 0;
    for (const file of files) {
      const content = readFileSync(join(out, file));
      const answer = await fetch(site.url + file.split('/').map(encodeURIComponent).join('/'));
      expect(Buffer.from(await answer.arrayBuffer()).equals(content), file).toBe(true);
      bytes += content.length;
    }
    expect(written.bytes).toBe(bytes);
    await site.close();
    await expect(writePlayground(out)).rejects.toThrow(/is not empty; save to a new folder/);
  });

  test('what cannot be written whole leaves nothing', async () => {
    const stop = new AbortController();
    const writing = writePlayground(out, { signal: stop.signal });
    stop.abort();
    await expect(writing).rejects.toThrow(/abort/i);
    expect(readdirSync(above)).toEqual([]);
    const empty = join(above, 'empty');
    mkdirSync(empty);
    await expect(writePlayground(out, { models: [empty] })).rejects.toThrow(/empty has no weights/);
    writeFileSync(join(empty, 'model.safetensors'), '');
    await expect(writePlayground(out, { models: [empty] })).rejects.toThrow(/empty has no config\.json/);
    const twice = [copyOf('mamba-tiny', 'a/mine'), copyOf('granite-tiny', 'b/mine')];
    await expect(writePlayground(out, { models: twice })).rejects.toThrow(/two of the models are called 'mine'/);
    await expect(writePlayground(out, { models: ['no-such-model'] })).rejects.toThrow(/no-such-model/);
    expect(existsSync(join(above, 'some'))).toBe(false);
  });
});
