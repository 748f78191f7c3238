/** The guides work: their code is applied to a copy of this repository, checked, compiled and run. */
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import asc from 'assemblyscript/asc';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { applyDiff, blocksOf, copyWith } from './guides.ts';
import { readHouse, violationsOf } from './layers.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const guides = ['docs/add-a-model.md', 'docs/add-an-op.md'];
const blocks = guides.flatMap((file) => blocksOf(read(file)));
const { folder, remove } = copyWith(root, blocks);
afterAll(remove);
beforeAll(async () => {
  // Before any test loads the kernels. Unoptimised, and only the variant that the op's test uses: a fifth of the time.
  const { error, stderr } = await asc.main([
    join(folder, 'src/backends/wasm/assembly/index.ts'),
    ...['--outFile', join(folder, 'src/backends/wasm/build/kernels-plain.wasm')],
    ...['--runtime', 'stub', '--noAssert', '--importMemory', '--enable', 'simd', '--use', 'DOT=0'],
  ]);
  if (error) throw new Error(`${stderr}`, { cause: error });
  const { embedKernels } = await import(/* @vite-ignore */ pathToFileURL(join(root, 'tools/embed.mjs')).href);
  embedKernels(join(folder, 'src/backends/wasm/build'));
});
const load = (file: string) => import(/* @vite-ignore */ pathToFileURL(join(folder, file)).href);

describe('both guides', () => {
  it.each([...guides.map((file) => [file, 150] as const), ['docs/architecture.md', 250] as const])(
    '%s is short enough to be read',
    (file, lines) => expect(read(file).split('\n').length - 1).toBeLessThanOrEqual(lines),
  );

  it('name files that exist', () => {
    for (const file of [...guides, 'docs/architecture.md', 'CONTRIBUTING.md']) {
      const text = read(file).replaceAll(/^```.*?^```$/gms, '');
      for (const [, path = ''] of text.matchAll(/`((?:src|cli|bench|tests|tools|docs)\/[\w./-]+)`/g)) {
        const made = blocks.some((block) => block.file === path) || /NAME|tests\/golden\/gpt2/.test(path);
        if (!made) expect(() => readFileSync(join(root, path)), `${file}: ${path}`).not.toThrow(/ENOENT/);
      }
    }
  });

  it('have code that is formatted as the rest, and well typed', () => {
    const sources = blocks.filter(({ file }) => file.endsWith('.ts') && !file.includes('/assembly/'));
    const biome = [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'check', '--error-on-warnings'];
    const names = sources.map(({ file }) => file);
    execFileSync(process.execPath, [...biome, `--config-path=${root}`, '--vcs-enabled=false', ...names], {
      cwd: folder,
    });
    const config = ts.parseJsonConfigFileContent(
      ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
      ts.sys,
      folder,
    );
    const files = sources.map(({ file }) => join(folder, file));
    const program = ts.createProgram(files, { ...config.options, noEmit: true });
    const problems = files.flatMap((file) => {
      const source = program.getSourceFile(file);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    });
    expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
  });

  it('keep the rules of the house', async () => {
    const house = readHouse(readFileSync(join(folder, 'docs/architecture.md'), 'utf8'));
    const { families } = await load('src/models/index.ts');
    const names = families.map(({ name }: { name: string }) => name);
    expect(names).toContain('gpt2');
    // Kernels that were built are texts in base64, in which any word may stand.
    const files = readdirSync(join(folder, 'src'), { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !/[\\/]build[\\/]/.test(file),
    );
    const problems = files.flatMap((file) => {
      const path = `src/${file.replaceAll('\\', '/')}`;
      return violationsOf(house, names, path, readFileSync(join(folder, path), 'utf8'));
    });
    expect(problems).toEqual([]);
  });
});

describe('the family that the guide adds', async () => {
  // The golden was made by tests/fixtures/guides/cases_gpt2.py with transformers (Apache-2.0).
  cpSync(join(root, 'tests/fixtures/guides/gpt2'), join(folder, 'tests/golden/gpt2'), { recursive: true });
  const laws = join(folder, 'tests/models/laws.test.ts');
  writeFileSync(laws, readFileSync(laws, 'utf8').replace(/const NAMES = \[[\s\S]*?\n\];/, "const NAMES = ['gpt2'];"));
  await load('tests/models/golden.test.ts');
  await load('tests/models/laws.test.ts');
});

describe('the op that the guide adds', () => {
  it('is the same on both backends', async () => {
    const { createReferenceBackend } = await load('src/backends/reference/index.ts');
    const { createWasmBackend } = await load('src/backends/wasm/index.ts');
    const { nodePlatform } = await load('src/backends/wasm/platform-node.ts');
    const { opCases } = await load('tests/ops/cases.ts');
    const { runCase } = await load('tests/ops/run.ts');
    const { vocabulary } = await load('src/ops/index.ts');
    expect(vocabulary.map(({ name }: { name: string }) => name)).toContain('softCap');
    const reference = createReferenceBackend();
    const wasm = await createWasmBackend({ platform: nodePlatform, threads: 1, relaxedSimd: false });
    for (let seed = 1; seed <= 10; seed++) {
      const one = opCases(seed).find(({ name }: { name: string }) => name === 'softCap');
      const [wanted] = await runCase(reference, one);
      const [found] = await runCase(wasm, one);
      expect(found).toHaveLength(wanted.length);
      for (const [i, x] of wanted.entries()) expect(Math.abs(found[i] - x)).toBeLessThanOrEqual(30 * 1e-6);
    }
    await wasm.dispose();
  });
});

describe('a part of a diff', () => {
  it('must fit exactly one place', () => {
    expect(applyDiff('a\nb\nc\n', ' a\n-b\n+B\n', 'x')).toBe('a\nB\nc\n');
    expect(() => applyDiff('a\nb\n', '-z\n+y\n', 'x')).toThrow('fits 0 places');
    expect(() => applyDiff('a\na\n', '-a\n+b\n', 'x')).toThrow('fits 2 places');
  });
});
