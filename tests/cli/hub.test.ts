import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMIT, type FakeFile, type FakeHub, fakeHub, small } from '../hub/fake-hub.ts';
import { cli, type Environment, golden, json, start } from './cli.ts';

const model = 'org/granite-untied';

let hub: FakeHub;
let cache = '';
let online: Environment = {};
const offline = (): Environment => ({ ...online, HF_HUB_OFFLINE: '1' });

beforeAll(async () => {
  const source = golden('granite-untied');
  const files: Record<string, FakeFile> = {};
  for (const name of readdirSync(source)) {
    if (name.startsWith('golden')) continue;
    files[name] = { content: readFileSync(join(source, name)), large: name.endsWith('.safetensors') };
  }
  hub = await fakeHub(files, model);
  cache = mkdtempSync(join(tmpdir(), 'portmanteau-cli-'));
  online = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache, HF_HOME: cache, HF_TOKEN: '', HF_HUB_OFFLINE: '0' };
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  rmSync(cache, { recursive: true, force: true });
});

// In order: each test goes on with the cache that the one before has left.
describe('pull and cache', { timeout: 60_000 }, () => {
  test('Ctrl-C ends a download at once, and what there is does not count as the model', async () => {
    const { child, ended } = start(['pull', model], online);
    hub.fault = (_request, response, { large }) => {
      if (!large) return false;
      response.writeHead(200).flushHeaders(); // and never a byte
      child.kill('SIGINT');
      return true;
    };
    expect(await ended).toEqual({ code: 130, stdout: '', stderr: '' });
    hub.fault = undefined;
    const { code, stderr } = await cli(['info', model], { env: offline() });
    expect(code).toBe(2);
    expect(stderr).toMatch(/lacks every file/);
  });

  test('what was pulled runs offline, in the same numbers as the folder that it is a copy of', async () => {
    const { folder } = await json<{ folder: string }>(['pull', model], { env: online });
    expect(readdirSync(folder)).toContain('config.json');
    expect(folder).toBe(join(cache, 'models--org--granite-untied', 'snapshots', COMMIT));
    const run = (from: string) => json<{ ids: number[] }>(['run', from, '--ids', '1,2', '-n', '4'], { env: offline() });
    const [pulled, local] = await Promise.all([run(model), run(golden('granite-untied'))]);
    expect(pulled).toEqual(local);
  });

  test('pulling again asks for no bytes, and prints the folder', async () => {
    const sent = hub.bytesSent;
    const { code, stdout, stderr } = await cli(['pull', model, '--revision', 'main'], { env: online });
    expect([code, stderr]).toEqual([0, '']);
    expect(existsSync(stdout.trimEnd())).toBe(true);
    expect(hub.bytesSent).toBe(sent);
  });

  test('a model of a family that is not understood is pulled with a warning, and its revision removed again', async () => {
    const other = 'b'.repeat(40);
    hub.commits.set(other, { ...hub.commits.get(COMMIT), 'config.json': small('{"model_type": "bert"}') });
    hub.refs.set('other', other);
    const { code, stdout, stderr } = await cli(['pull', model, '--revision', 'other', '--json'], { env: online });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      model,
      folder: join(cache, 'models--org--granite-untied', 'snapshots', other),
    });
    expect(stderr).toMatch(/^warning: [^\n]* was downloaded, but cannot be run: [^\n]*bert[^\n]*\n$/);
    const { freedBytes } = await json<{ freedBytes: number }>(['cache', 'rm', model, '--revision', 'other'], {
      env: offline(),
    });
    expect(freedBytes).toBeGreaterThan(0);
    expect(freedBytes).toBeLessThan(1000); // weights that both revisions have stay
  });

  test('a model or revision that is not there is a failure', async () => {
    const [repo, revision] = await Promise.all([
      cli(['pull', 'org/nosuch', '--json'], { env: online }),
      cli(['pull', model, '--revision', 'nosuch', '--json'], { env: online }),
    ]);
    expect(repo).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^.*no org\/nosuch.*\n$/) });
    expect(revision).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^.*'nosuch'.*\n$/) });
  });

  test('a hub that is down costs a warning on stderr while the cache has the model', async () => {
    const env = { ...online, HF_ENDPOINT: 'http://127.0.0.1:9' };
    const { code, stdout, stderr } = await cli(['run', model, '--ids', '1', '-n', '1', '--json'], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\{.*\}\n$/);
    expect(stderr).toMatch(/^warning: [^\n]*cache[^\n]*\n$/);
  });

  test('ls lists it, verify finds damage and fails, rm removes it', async () => {
    const env = offline();
    const [listed, sheet, sound] = await Promise.all([
      json<{ cacheDir: string; models: { id: string; bytes: number }[] }>(['cache', 'ls'], { env }),
      cli(['cache', 'ls'], { env }),
      json<{ files: number; damaged: unknown[] }>(['cache', 'verify', model], { env }),
    ]);
    expect(listed).toMatchObject({ cacheDir: cache, models: [{ id: model }] });
    expect(sheet.stdout).toMatch(new RegExp(`^[\\d.]+ MB {2}${model}\n$`));
    expect(sound.files).toBeGreaterThan(3);
    expect(sound.damaged).toEqual([]);

    const blobs = join(cache, 'models--org--granite-untied', 'blobs');
    writeFileSync(join(blobs, readdirSync(blobs)[0]!), 'damage');
    const damaged = await cli(['cache', 'verify', '--json'], { env });
    expect(damaged.code).toBe(1);
    expect(JSON.parse(damaged.stdout)).toMatchObject({
      files: sound.files,
      damaged: [{ problem: expect.any(String) }],
    });
    expect(damaged.stderr).toMatch(/^portmanteau: 1 of \d+ files are damaged.*\n$/);

    const { freedBytes } = await json<{ freedBytes: number }>(['cache', 'rm', model], { env });
    expect(freedBytes).toBeGreaterThan(10_000);
    const empty = await cli(['cache', 'ls'], { env });
    expect(empty).toMatchObject({ code: 0, stdout: '', stderr: `no models in ${cache}\n` });
  });
});
