/** `chat` through a pipe. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cli } from './cli.ts';

let folder: string;
let template: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-'));
  template = join(folder, 'template.jinja');
  writeFileSync(
    template,
    "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}",
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

const talk = (input: string, ...more: string[]) =>
  cli(['chat', 'mamba-tiny', '--chat-template', template, '-n', '5', ...more], { input });

describe('chat', () => {
  test('answers each message, takes commands, and saves what --messages reads', { timeout: 120_000 }, async () => {
    const file = join(folder, 'saved.json');
    const lines = [
      'Hello',
      '/stats',
      'one\\',
      'two',
      '"""',
      'a',
      'b"""',
      '/undo',
      '/retry',
      `/save ${file}`,
      '/nonsense',
      '/quit',
      'not read',
    ];
    const { code, stdout, stderr } = await talk(lines.join('\n'), '--system', 'Be brief.');
    expect(code).toBe(0);
    expect(stdout.trim().split('\n').length).toBeGreaterThanOrEqual(4);
    expect(stderr).toMatch(/read \d+ tokens in \d+ ms, wrote 5/);
    expect(stderr).toMatch(/took back/);
    expect(stderr).toMatch(/there is no command \/nonsense/);
    const { messages } = JSON.parse(readFileSync(file, 'utf8')) as { messages: { role: string; content: string }[] };
    expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user', 'assistant']);
    expect(messages[3]?.content).toBe('one\ntwo');
    const loaded = await talk(`/load ${file}\nAnd?\n/stats\n/load nowhere.json\n`);
    expect(loaded.stderr).toMatch(/loaded 5 messages/);
    expect(loaded.stderr).toMatch(/ENOENT|no such file/);
    expect(Number(/read (\d+) tokens/.exec(loaded.stderr)?.[1])).toBeLessThan(20);
    const run = await cli(['run', 'mamba-tiny', '--messages', file, '--chat-template', template, '-n', '3']);
    expect([run.code, run.stdout.length > 1]).toEqual([0, true]);
  });

  test('a model without a template is an error that says what to do', async () => {
    const { code, stderr } = await cli(['chat', 'mamba-tiny'], { input: 'Hello\n' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/no chat template.*base models only continue texts.*--chat-template/);
  });
});
