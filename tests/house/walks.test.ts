/** Every command of the chapters on insides runs, in their order, and prints what is shown below it. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../cli/cli.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

interface Shown {
  readonly commands: readonly string[];
  /** What the last of them prints; undefined where it is not shown. */
  readonly output: string | undefined;
}

/** Blocks of commands, each with the block of text that follows it. */
function shownIn(document: string): Shown[] {
  const fences = [...document.matchAll(/^```(\w+)\n([\s\S]*?)^```\n(\n```text\n([\s\S]*?)^```)?/gm)];
  return fences.flatMap(([, language, code = '', , output]) =>
    language === 'sh' ? [{ commands: linesOf(code), output }] : [],
  );
}

/** Commands without line breaks inside of them and without remarks. */
const linesOf = (code: string): string[] =>
  code
    .replaceAll('\\\n', ' ')
    .trim()
    .split('\n')
    .map((line) => line.replace(/\s+# .*$/, ''));

const wordsOf = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? (plain as string),
  );

describe.each(['insides.md', 'senses.md'].filter((name) => existsSync(join(root, 'docs', name))))('docs/%s', (name) => {
  const cwd = mkdtempSync(join(tmpdir(), 'portmanteau-'));
  cpSync(join(root, 'examples/insides'), join(cwd, 'examples/insides'), { recursive: true });
  afterAll(() => rmSync(cwd, { recursive: true }));
  const blocks = shownIn(readFileSync(join(root, 'docs', name), 'utf8'));

  it('has commands', () => expect(blocks.length).toBeGreaterThan(2));

  it.each(blocks.map((block) => [block.commands[0] as string, block] as const))(
    '%s',
    async (_, { commands, output }) => {
      let printed = '';
      for (const command of commands) {
        const [npx, portmanteau, ...words] = wordsOf(command);
        expect([npx, portmanteau]).toEqual(['npx', 'portmanteau']);
        printed = (await run(process.execPath, [main, ...words], { cwd })).stdout;
      }
      if (output !== undefined) expect(printed).toBe(output);
    },
    60_000,
  );
});
