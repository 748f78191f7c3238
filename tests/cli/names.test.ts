/** Names of models on the command line: what is on the hub, in the package, in a folder, and what hides what. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FakeFile, type FakeHub, fakeHub } from '../hub/fake-hub.ts';
import { cli, type Environment, golden, json, main } from './cli.ts';

const shipped = fileURLToPath(new URL('../../models/granite-tiny', import.meta.url));
const model = 'org/oldies';
let hub: FakeHub;
let folder = '';
let online: Environment = {};

beforeAll(async () => {
  const source = golden('backpack-bin');
  const files: Record<string, FakeFile> = {};
  for (const name of readdirSync(source)) {
    if (name.startsWith('golden')) continue;
    files[name] = { content: readFileSync(join(source, name)), large: name.endsWith('.bin') };
  }
  hub = await fakeHub(files, model);
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-names-'));
  online = {
    HF_ENDPOINT: hub.endpoint,
    HF_HUB_CACHE: join(folder, 'hub'),
    HF_HOME: folder,
    HF_TOKEN: '',
    HF_HUB_OFFLINE: '0',
  };
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** In a folder of its own, which may hide models. */
function inFolder(name: string, args: readonly string[], env: Environment = {}) {
  const ended = spawnSync(process.execPath, [main, ...args], {
    cwd: join(folder, name),
    env: { ...process.env, HF_HUB_OFFLINE: '1', HF_HUB_CACHE: join(folder, 'none'), ...env },
    encoding: 'utf8',
  });
  return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr };
}

describe('on the hub', () => {
  test('info reads headers of weights, not the weights, and says the same as of the folder', async () => {
    const there = await json<{ files: unknown }>(['info', model], { env: online });
    const here = await json<{ files: unknown }>(['info', golden('backpack-bin')], { env: online });
    expect({ ...there, memory: 0 }).toEqual({ ...here, memory: 0 });
    expect(readdirSync(join(folder, 'hub', 'models--org--oldies', 'snapshots', 'a'.repeat(40)))).not.toContain(
      'pytorch_model.bin',
    );
  });

  test('addresses, revisions and old names run as the id does', { timeout: 60_000 }, async () => {
    const ids = ['--ids', '1,2', '-n', '3'];
    const wanted = await json<object>(['run', model, ...ids], { env: online });
    for (const name of [
      `${hub.endpoint}/${model}`,
      `${hub.endpoint}/${model}/tree/main`,
      `hf://${model}`,
      `${model}@main`,
      'oldies',
      join(folder, 'hub', 'models--org--oldies'),
    ])
      expect(await json<object>(['run', name, ...ids], { env: online })).toEqual(wanted);
    const { folder: pulled } = await json<{ folder: string }>(['pull', `${model}@main`], { env: online });
    expect(pulled).toContain('models--org--oldies');
    const verified = await json<{ files: number }>(['cache', 'verify', `${hub.endpoint}/${model}`], { env: online });
    expect(verified.files).toBeGreaterThan(1);
    await json(['cache', 'rm', `hf://${model}`], { env: online });
  });

  test('what is not understood is refused with the right form', async () => {
    for (const [args, told] of [
      [['info', 'https://huggingface.co/datasets/org/name'], /wanted org\/name/],
      [['info', 'https://hf-mirror.com/org/name'], /HF_ENDPOINT=https:\/\/hf-mirror.com/],
      [['pull', 'https://huggingface.co/org/name/blob/main/x.gguf'], /format that is not read/],
      [['run', 'org/name@dev', 'x', '--revision', 'main'], /leave out one/],
      [['info', 'gpt2'], /no folder, and none of the shipped models.*most are org\/name.*lacks every file/],
    ] as const) {
      const { code, stdout, stderr } = await cli(args, { env: { HF_HUB_CACHE: join(folder, 'none') } });
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
      expect(stderr).toMatch(told);
    }
    const nosuch = await cli(['info', 'nosuchmodel'], { env: online });
    expect(nosuch).toMatchObject({ code: 2, stderr: expect.stringMatching(/'nosuchmodel' is no folder.*There is no/) });
  });
});

describe('a folder that hides a model', () => {
  test('and is empty, is passed over with a warning; written as a path it is meant', () => {
    mkdirSync(join(folder, 'empty', 'granite-tiny'), { recursive: true });
    const { code, stderr } = inFolder('empty', ['tokenize', 'granite-tiny', 'x']);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^warning: there is an empty folder 'granite-tiny' here; the shipped model of that name is used.*\n$/,
    );
    expect(inFolder('empty', ['info', './granite-tiny'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/has no config.json/),
    });
  });

  test('of the hub too', () => {
    mkdirSync(join(folder, 'empty', 'org', 'oldies'), { recursive: true });
    const { code, stderr } = inFolder('empty', ['info', model]);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /warning: there is an empty folder 'org\/oldies' here; the model of that name on the hub is used/,
    );
  });

  test('with something in it but no model is refused, with a way round', () => {
    mkdirSync(join(folder, 'full', 'granite-tiny'), { recursive: true });
    writeFileSync(join(folder, 'full', 'granite-tiny', 'notes.txt'), 'mine');
    const { code, stderr } = inFolder('full', ['run', 'granite-tiny', 'x']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/has no config.json, and hides the shipped model of that name: rename it/);
  });

  test('with nothing but a tokenizer in it is that tokenizer', () => {
    mkdirSync(join(folder, 'texts', 'org', 'words'), { recursive: true });
    cpSync(join(shipped, 'tokenizer.json'), join(folder, 'texts', 'org', 'words', 'tokenizer.json'));
    const ids = inFolder('texts', ['tokenize', 'org/words', 'Once upon a time']);
    expect(ids).toMatchObject({ code: 0, stderr: '' });
    expect(ids.stdout).toBe(inFolder('texts', ['tokenize', 'granite-tiny', 'Once upon a time']).stdout);
    expect(inFolder('texts', ['info', 'org/words'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/org\/words has no config.json/),
    });
  });

  test('with a model in it is that model', () => {
    cpSync(golden('granite-untied'), join(folder, 'real', 'granite-tiny'), { recursive: true });
    const { code, stdout } = inFolder('real', ['info', 'granite-tiny', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).parameters).toBeLessThan(1e6);
  });

  test('a file hides nothing; an organisation does, and hf:// leads past it', () => {
    mkdirSync(join(folder, 'file', 'org'), { recursive: true });
    writeFileSync(join(folder, 'file', 'granite-tiny'), 'state');
    expect(inFolder('file', ['tokenize', 'granite-tiny', 'x']).code).toBe(0);
    expect(inFolder('file', ['info', model]).stderr).toMatch(/folder 'org' here.*write hf:\/\/org\/oldies/);
    expect(inFolder('file', ['info', `hf://${model}`]).stderr).toMatch(/lacks every file/);
  });
});
