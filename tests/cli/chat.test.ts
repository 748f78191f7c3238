/** `chat` through a pipe and at a terminal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cli, main, start } from './cli.ts';

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

describe('commands of a conversation', () => {
  const answers = (stdout: string) => stdout.trimEnd().split('\n');
  const steering = () => {
    const file = join(folder, 'steering.json');
    writeFileSync(file, JSON.stringify([{ site: 'blocks.0.residPost', scale: 0 }]));
    return file;
  };

  test('/steer changes answers from the next one on, and /steer alone ends that', { timeout: 60_000 }, async () => {
    const again = ['/retry', `/steer ${steering()}`, '/retry', '/steer', '/retry', '/steer nowhere.json', '/retry'];
    const { stdout, stderr } = await talk(['The cat', ...again].join('\n'), '--temperature', '0');
    const [first, second, steered, third, fourth] = answers(stdout);
    expect([second, third, fourth]).toEqual([first, first, first]);
    expect(steered).not.toBe(first);
    expect(stderr).toMatch(/steered by .*steering\.json.*\nnot steered any more\.\n.*nowhere\.json/s);
  });

  test('/steer refuses what the model does not have, and the conversation goes on', { timeout: 60_000 }, async () => {
    const file = join(folder, 'wrong.json');
    writeFileSync(file, JSON.stringify([{ site: 'blocks.99.residPost', scale: 0 }]));
    const { code, stdout, stderr } = await talk(`The cat\n/steer ${file}\n/retry`, '--temperature', '0');
    const [first, second] = answers(stdout);
    expect([code, second]).toEqual([0, first]);
    expect(stderr).toMatch(/blocks\.99/);
  });

  test('/undo and /retry with nothing before them, /save and /load without a file', { timeout: 60_000 }, async () => {
    const { code, stdout, stderr } = await talk('/undo\n/retry\n/save\n/load\n/stats\n/save x.json\n/help\n');
    expect([code, stdout]).toEqual([0, '']);
    for (const line of ['nothing to undo', 'no message to answer again', '/save needs', '/load needs', 'no answer yet'])
      expect(stderr).toContain(line);
    expect(stderr).toMatch(/nothing to save yet[\s\S]*\/steer FILE/);
  });

  test('a conversation that was loaded goes on as the one that was saved', { timeout: 60_000 }, async () => {
    const file = join(folder, 'later.json');
    const whole = await talk(`The cat\n/save ${file}\nAnd the dog?`, '--temperature', '0');
    const loaded = await talk(`/load ${file}\nAnd the dog?\n/undo\n/undo\n/undo`, '--temperature', '0');
    expect(answers(loaded.stdout)[0]).toBe(answers(whole.stdout)[1]);
    expect(loaded.stderr).toMatch(/took back.*took back.*nothing to undo/s);
  });
});

describe('Ctrl-C', { timeout: 60_000 }, () => {
  const endless = () => ['chat', 'mamba-tiny', '--chat-template', template, '-n', '1e6', '--ignore-end'];

  test('stops the answer and not the program, which ends in order', async () => {
    const { child, ended } = start(endless());
    child.stdin.write('Hello\n');
    await Promise.race([once(child.stdout, 'data'), ended]);
    child.kill('SIGINT');
    let told = '';
    child.stderr.on('data', (piece) => (told += piece));
    await expect.poll(() => told, { timeout: 20_000 }).toContain('(stopped)');
    child.stdin.end('/stats\n/quit\n');
    const { code, stderr } = await ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/\(stopped\)\n.*wrote \d+/s);
  });

  test('without an answer it ends the program when it comes twice', async () => {
    const { child, ended } = start(['chat', 'mamba-tiny', '--chat-template', template]);
    let told = '';
    child.stderr.on('data', (piece) => (told += piece));
    child.stdin.write('/help\n');
    await expect.poll(() => told, { timeout: 20_000 }).toContain('/steer FILE');
    child.kill('SIGINT');
    await expect.poll(() => told, { timeout: 20_000 }).toContain('Ctrl-C again');
    child.kill('SIGINT');
    expect((await ended).code).toBe(0);
  });

  /** An endless answer at a terminal. */
  function atTerminal() {
    const command = [process.execPath, main, ...endless()].map((word) => `'${word}'`).join(' ');
    const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { env: { ...process.env, TERM: 'xterm' } });
    const ended = once(child, 'close');
    let shown = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (shown += piece));
    const see = (text: RegExp) => expect.poll(() => text.test(shown), { timeout: 20_000 }).toBe(true);
    return { child, ended, see };
  }
  const hasTerminals = process.platform === 'linux' && existsSync('/usr/bin/script');

  test.runIf(hasTerminals)('at a terminal whose input ends, the answer and the program end', async () => {
    const { child, ended, see } = atTerminal();
    await see(/> /);
    child.stdin.write('Hello\r');
    await see(/[a-z]+ [a-z]+ [a-z]+ [a-z]+/);
    child.stdin.end(); // as when whoever holds the terminal was killed
    expect((await ended)[0]).toBe(0);
  });

  test.runIf(hasTerminals)('so it is at a terminal', async () => {
    const { child, ended, see } = atTerminal();
    await see(/> /);
    child.stdin.write('Hello\r');
    await see(/[a-z]+ [a-z]+ [a-z]+ [a-z]+/);
    child.stdin.write('\x03');
    await see(/\(stopped\)[\s\S]*> /);
    child.stdin.write('/stats\r');
    await see(/wrote \d+/);
    child.stdin.write('\x03');
    await see(/Ctrl-C again/);
    child.stdin.write('\x03');
    expect((await ended)[0]).toBe(0);
  });
});
