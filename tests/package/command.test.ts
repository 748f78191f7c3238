/** The command `portmanteau` says what to do where it cannot run yet, and leaves nothing broken behind. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from './project.ts';

let temporary: string;
let clone: string;
beforeAll(() => {
  temporary = mkdtempSync(join(tmpdir(), 'portmanteau-clone-'));
  clone = join(temporary, 'clone');
  // What a clone has of that which npm looks at.
  for (const part of ['package.json', 'package-lock.json', 'bin', 'tools', 'tsconfig.json'])
    cpSync(join(root, part), join(clone, part), { recursive: true });
});
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** Folders of the packages that a user's installation has, as the lock file lists them. */
function installedPackages(): string[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  const packages = Object.entries(lock.packages).filter(([path, { dev, devOptional }]) => path && !dev && !devOptional);
  return packages.map(([path]) => path);
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (program: string, args: readonly string[], cwd: string): Promise<Ended> =>
  new Promise((resolve) => {
    const env = { ...process.env, npm_config_cache: join(temporary, 'cache'), npm_config_offline: 'true' };
    const child = execFile(program, args, { cwd, env, shell: process.platform === 'win32' }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
    child.stdin?.end();
  });

describe('npx portmanteau in a fresh clone', () => {
  test('says before npm ci what to do, the first time and every other', async () => {
    for (let time = 0; time < 2; time++) {
      const { code, stdout, stderr } = await run(
        'npx',
        ['--yes', 'portmanteau', 'run', 'backpack-tiny', 'Once'],
        clone,
      );
      expect(stderr).toMatch(/portmanteau: this copy is not built yet: run `npm ci`/);
      expect(stderr).not.toMatch(/ENOENT|npm error/);
      expect(stdout).toBe('');
      expect(code).toBe(1);
    }
  });

  test('works after it is built, with the same cache', async () => {
    await run('npx', ['--yes', 'portmanteau', '--version'], clone);
    cpSync(join(root, 'dist'), join(clone, 'dist'), { recursive: true });
    for (const path of installedPackages()) cpSync(join(root, path), join(clone, path), { recursive: true });
    const { code, stdout, stderr } = await run('npx', ['--yes', 'portmanteau', '--version'], clone);
    rmSync(join(clone, 'dist'), { recursive: true });
    rmSync(join(clone, 'node_modules'), { recursive: true });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.trim()).toBe(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version);
  });

  test('builds nothing where there is nothing to build with', async () => {
    const { code, stderr } = await run(process.execPath, ['tools/prepare.mjs'], clone);
    expect(code).toBe(0);
    expect(stderr).toMatch(/not built.*npm ci/);
  });
});

describe('an installation', () => {
  test('that lacks a package says which, and what to do', async () => {
    mkdirSync(join(clone, 'dist/cli'), { recursive: true });
    writeFileSync(join(clone, 'dist/cli/main.js'), "import 'a-package-that-nobody-has';");
    const { code, stderr } = await run(process.execPath, ['bin/portmanteau.js', '--version'], clone);
    rmSync(join(clone, 'dist'), { recursive: true });
    expect(stderr).toMatch(/not complete: install it again.*'a-package-that-nobody-has'/);
    expect(stderr).not.toMatch(/\n.*\n/);
    expect(code).toBe(1);
  });

  test('that fails for another reason says that reason', async () => {
    mkdirSync(join(clone, 'dist/cli'), { recursive: true });
    writeFileSync(join(clone, 'dist/cli/main.js'), 'throw new RangeError("of its own");');
    const { code, stderr } = await run(process.execPath, ['bin/portmanteau.js'], clone);
    rmSync(join(clone, 'dist'), { recursive: true });
    expect(stderr).toMatch(/RangeError: of its own/);
    expect(code).not.toBe(0);
  });
});

describe('an old Node', () => {
  const script = readFileSync(join(root, 'bin/portmanteau.js'), 'utf8');
  const wanted = /var wanted = '([\d.]+)'/.exec(script)?.[1];

  test('is refused below the version that package.json states', () => {
    expect(`>=${wanted}`).toBe(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node);
  });

  // Real ones run in runtimes.slow.test.ts. Here the version is pretended, in a clone without anything that could be loaded.
  test.each([
    ['16.20.2', true],
    ['18.20.8', true],
    ['20.18.3', true],
    ['20.19.0', false],
    ['22.0.0', false],
  ])('%s: refused is %s', async (version, refused) => {
    const pretend = `Object.defineProperty(process.versions, 'node', { value: '${version}' });`;
    writeFileSync(join(clone, 'pretend.cjs'), pretend);
    const { code, stderr } = await run(process.execPath, ['--require', './pretend.cjs', 'bin/portmanteau.js'], clone);
    expect(code).toBe(1);
    if (refused)
      expect(stderr).toBe(
        `portmanteau: this is Node ${version}, but Node ${wanted} or later is needed: install a newer one, from https://nodejs.org\n`,
      );
    else expect(stderr).toMatch(/not built yet/);
  });
});
