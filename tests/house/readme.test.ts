/** Every example of the README runs, with a shipped model in the place of each published one. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const run = promisify(execFile);

/** Published checkpoints are gigabytes: what stands in for them here. */
const STAND_INS: Record<string, string> = {
  'stanfordnlp/backpack-gpt2': 'backpack-tiny',
  'HF1BitLLM/Llama3-8B-1.58-100B-tokens': 'bitnet-tiny',
  'meta-llama/Meta-Llama-3-8B-Instruct': 'bitnet-tiny',
  'TRI-ML/mamba-7b-rw': 'mamba-tiny',
  'ibm-granite/granite-3.1-1b-a400m-base': 'granite-tiny',
};

/** Tokens that a shipped model can read. */
const CONTEXT = '200';

/** Commands are run in a folder of their own, but the README's are for the folder of the repository. */
const inRepository = (word: string): string => (word.startsWith('examples/') ? join(root, word) : word);

const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code as string);

async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'portmanteau-'));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('commands', () => {
  const lines = blocks('sh').flatMap((block) => block.trim().split('\n'));
  // A test cannot install what it runs from, or run all tests: these two are run by whoever runs this one.
  const commands = lines.filter((line) => line !== 'npm test').map((line) => line.replace('npm ci && ', ''));

  // In the order of the README: later commands read what earlier ones wrote.
  const cwd = mkdtempSync(join(tmpdir(), 'portmanteau-'));
  afterAll(() => rmSync(cwd, { recursive: true }));

  it.each(commands)('%s', async (line) => {
    const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) =>
      inRepository(quoted ?? (plain as string)),
    );
    expect(words.slice(0, 2)).toEqual(['npx', 'portmanteau']);
    const { stdout } = await run(process.execPath, [join(root, 'dist/cli/main.js'), ...words.slice(2)], {
      cwd,
      env: { ...process.env, HF_HUB_CACHE: join(cwd, 'hub') },
    });
    if (!/cache ls|senses scale|portmanteau train examples/.test(line)) expect(stdout.trim()).not.toBe(''); // an empty cache; what only writes a file
  });
});

it('the first command prints what is shown below it', async () => {
  const [command = ''] = blocks('sh');
  const [, prompt = '', options = ''] = /run granite-tiny "([^"]+)" (.+)\n/.exec(command) ?? [];
  const { stdout } = await run(process.execPath, [
    ...[join(root, 'dist/cli/main.js'), 'run', 'granite-tiny', prompt],
    ...options.split(' '),
  ]);
  expect(stdout).toBe(blocks('text')[0]);
});

describe('programs', () => {
  it.each(blocks('ts').map((code, i) => [`${i + 1}: ${code.split('\n')[2]}`, code]))('%s', async (_, code) => {
    let program = code.replace("from 'portmanteau'", `from ${JSON.stringify(join(root, 'dist/src/node.js'))}`);
    for (const [published, shipped] of Object.entries(STAND_INS)) program = program.replaceAll(published, shipped);
    program = program.replace('maxLength: 4000', `maxLength: ${CONTEXT}`);
    const { outputText } = ts.transpileModule(program, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    const { stdout } = await inFolder((folder) => {
      const file = join(folder, 'example.mjs');
      writeFileSync(file, outputText);
      return run(process.execPath, [file]);
    });
    expect(stdout.trim()).not.toBe('');
  });
});
