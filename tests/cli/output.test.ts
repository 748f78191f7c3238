/** Where commands write: pipes, standard output, links, files of the model. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  createReadStream,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { readSafetensors } from '../../src/checkpoint/safetensors.ts';
import type { Source } from '../../src/checkpoint/source.ts';
import { cli, golden, main, start } from './cli.ts';

const mamba = golden('mamba-odd');
const capture = ['capture', mamba, '--ids', '1,2', '--sites', 'hidden', '--out'];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-output-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

/** Names of the tensors in a safetensors file. Throws when it is none. */
async function namesIn(bytes: Uint8Array): Promise<string[]> {
  const source = (await memoryFolder(new Map([['x', bytes]])).open('x')) as Source;
  return (await readSafetensors(source)).map(({ name }) => name);
}

/** A command with its output into a pipe, as bytes. */
function bytesOf(args: readonly string[]) {
  return spawnSync(process.execPath, [main, ...args], { env: { ...process.env, HF_HUB_OFFLINE: '1' } });
}

describe('standard output', () => {
  test.each(['-', '/dev/stdout', '/dev/fd/1'])(
    'as %s gets the tensors alone; what is said of them goes to stderr',
    async (out) => {
      const { status, stdout, stderr } = bytesOf([...capture, out]);
      expect(status).toBe(0);
      expect(await namesIn(stdout)).toEqual(['hidden']);
      expect(stderr.toString()).toMatch(/^hidden +f32/);
    },
  );

  test('with --json too', async () => {
    const { stdout, stderr } = bytesOf(['score', mamba, '--ids', '1,2', '--logits', '-', '--json']);
    expect(await namesIn(stdout)).toEqual(['logits']);
    expect(JSON.parse(stderr.toString()).tokens).toHaveLength(2);
  });

  test('that is a file is written on from where it is', async () => {
    const file = openSync(at('all'), 'a');
    writeSync(file, 'before');
    await start([...capture, '/dev/stdout'], {}, file).ended;
    closeSync(file);
    const all = readFileSync(at('all'));
    expect(all.subarray(0, 6).toString()).toBe('before');
    expect(await namesIn(all.subarray(6))).toEqual(['hidden']);
    expect(readdirSync(folder)).toEqual(['all']);
  });

  test.each(['-', '/dev/stdout'])('cannot be both text and state (%s)', async (out) => {
    const { code, stdout, stderr } = await cli(['run', mamba, '--ids', '1', '--save-state', out]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/the text goes there/);
  });
});

test.skipIf(process.platform === 'win32')(
  'a pipe gets a state, from which a run goes on once it is a file',
  async () => {
    execFileSync('mkfifo', [at('pipe')]);
    const state = buffer(createReadStream(at('pipe')));
    const first = await cli(['run', mamba, '--ids', '1,2', '-n', '1', '--save-state', at('pipe')]);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
    const file = at('état (1).st');
    writeFileSync(file, await state);
    const ids = `1,2,${first.stdout.trim()},3`;
    const both = ['--load-state', file, '--save-state', file, '--stats'];
    const { code, stderr } = await cli(['run', mamba, '--ids', ids, '-n', '1', ...both]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/not read/);
    expect(readdirSync(folder).sort()).toEqual(['pipe', 'état (1).st']);
  },
);

test('a link stays, and its file is replaced', async () => {
  symlinkSync('real', at('link'));
  expect((await cli([...capture, at('link')])).code).toBe(0);
  expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
  expect(await namesIn(readFileSync(at('real')))).toEqual(['hidden']);
});

test('what cannot be written is told before the model is loaded, also through links', async () => {
  symlinkSync('nowhere/file', at('lost'));
  symlinkSync('circle', at('circle'));
  symlinkSync('.', at('self'));
  for (const [name, told] of [
    ['lost', /does not exist/],
    ['circle', /circle/],
    ['self', /is a folder/],
  ] as const) {
    const { code, stderr } = await cli([
      'capture',
      at('nosuchmodel'),
      '--ids',
      '1',
      '--sites',
      'hidden',
      '--out',
      at(name),
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(told);
  }
});

test('no command writes over a file of the model that it reads, whatever the file is called', async () => {
  cpSync(mamba, at('model'), { recursive: true });
  const weights = join(at('model'), 'model.safetensors');
  symlinkSync(weights, at('alias'));
  const before = readFileSync(weights);
  for (const out of [weights, at('alias'), join(at('model'), 'config.json')]) {
    const { code, stderr } = await cli(['capture', at('model'), '--ids', '1', '--sites', 'hidden', '--out', out]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/of the model itself/);
  }
  expect(readFileSync(weights).equals(before)).toBe(true);
  expect(existsSync(join(at('model'), 'config.json'))).toBe(true);
});
