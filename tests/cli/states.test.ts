/** `run` with files of states: a conversation goes on, and is never replaced by one that has lost it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeState } from '../../src/node.ts';
import { cli, json } from './cli.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-cli-'));
  file = join(folder, 'chat.st');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface RunResult {
  readonly promptIds: number[];
  readonly ids: number[];
  readonly stats: { readonly cachedTokens: number };
}

const run = (model: string, prompt: string, ...args: string[]) =>
  json<RunResult>(['run', model, prompt, '-n', '5', '--ignore-end', '--stats', ...args]);

describe.each(['granite-tiny', 'mamba-tiny', 'bitnet-tiny'])('%s', { timeout: 60_000 }, (model) => {
  test('goes on with --continue, from all that was read, as if it were one prompt', async () => {
    const first = await run(model, 'Once upon a time', '--save-state', file);
    const second = await run(model, ' and then', '--continue', '--load-state', file, '--save-state', file);
    const read = [...first.promptIds, ...first.ids];
    expect(second.promptIds.slice(0, read.length)).toEqual(read);
    expect(second.promptIds.length).toBeGreaterThan(read.length);
    expect(second.stats.cachedTokens).toBe(read.length);
    const whole = await json<RunResult>([
      ...['run', model, '--ids', second.promptIds.join(), '-n', '5', '--ignore-end'],
    ]);
    expect(second.ids).toEqual(whole.ids);
    expect((await describeState(file))?.ids).toEqual([...second.promptIds, ...second.ids]);
    const third = await run(model, ' so', '--continue', '--load-state', file);
    expect(third.stats.cachedTokens).toBe(second.promptIds.length + 5);
  });

  test('keeps a conversation from being replaced by one that has not read it', async () => {
    await run(model, 'Once upon a time', '--save-state', file);
    const before = readFileSync(file);
    const attempts = [
      [' new turn', '--load-state', file, '--save-state', file],
      [' new turn', '--save-state', file],
      ['Once upon a time', '--save-state', file], // would lose the answer
    ];
    for (const [prompt, ...args] of attempts) {
      const { code, stdout, stderr } = await cli(['run', model, prompt as string, '-n', '5', ...args]);
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' }); // before a token is made
      expect(stderr).toMatch(
        /^portmanteau: .*chat.st remembers \d+ tokens that the new state would not.*--continue.*--force.*\n$/,
      );
      expect(readFileSync(file).equals(before)).toBe(true);
    }
    await run(model, ' new turn', '--load-state', file, '--save-state', `${file}2`);
    expect(readFileSync(file).equals(before)).toBe(true);
    const forced = await run(model, ' new turn', '--save-state', file, '--force');
    expect((await describeState(file))?.ids).toEqual([...forced.promptIds, ...forced.ids]);
  });
});

test('a state of another model, and a longer text of the same', { timeout: 60_000 }, async () => {
  await cli(['run', 'granite-tiny', 'Once', '-n', '0', '--save-state', file]);
  const other = await cli(['run', 'mamba-tiny', 'Once', '-n', '0', '--save-state', file]);
  expect(other).toMatchObject({ code: 2, stderr: expect.stringMatching(/would be lost/) });
  const longer = await cli(['run', 'granite-tiny', 'Once more', '-n', '0', '--save-state', file]);
  expect(longer).toMatchObject({ code: 0, stderr: '' });
});

test('what is not a state is replaced by one, and is nothing to go on from', { timeout: 60_000 }, async () => {
  writeFileSync(file, 'notes');
  const tried = [
    [['run', 'granite-tiny', 'x', '--load-state', file], 1, /chat.st holds no saved state/],
    [['run', 'granite-tiny', 'x', '--continue', '--load-state', file], 1, /holds no saved state/],
    [['run', 'granite-tiny', 'x', '--continue'], 2, /--continue goes on from a state: give its file with --load-state/],
  ] as const;
  for (const [args, wanted, told] of tried) {
    const { code, stdout, stderr } = await cli(args);
    expect({ args, code, stdout }).toEqual({ args, code: wanted, stdout: '' });
    expect(stderr).toMatch(told);
  }
  expect(await cli(['run', 'granite-tiny', 'x', '-n', '0', '--save-state', file])).toMatchObject({ code: 0 });
  const empty = await cli(['run', 'granite-tiny', '', '--continue', '--load-state', file]);
  expect(empty).toMatchObject({ code: 2, stderr: expect.stringMatching(/the prompt is empty/) });
});

test('what does not fit behind a state is told with what the state has read', { timeout: 60_000 }, async () => {
  await cli(['run', 'granite-tiny', 'word '.repeat(250), '-n', '0', '--save-state', file]);
  const read = (await describeState(file))?.ids.length;
  const full = await cli(['run', 'granite-tiny', 'word '.repeat(200), '--continue', '--load-state', file]);
  expect(full).toMatchObject({ code: 2, stdout: '' });
  expect(full.stderr).toMatch(
    new RegExp(`the state has read ${read} tokens and the prompt adds \\d+, .* at most 512: .* without --continue`),
  );
});
