import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Ended, golden, start } from './cli.ts';

const endless = ['run', golden('mamba-odd'), '--ids', '1,2', '-n', '1e6', '--ignore-end'];

describe('Ctrl-C', { timeout: 30_000 }, () => {
  test.each(['1', '2'])('ends a generation on %s threads with 130, whole tokens and a new line', async (threads) => {
    const { child, ended } = start([...endless, '--threads', threads]);
    await Promise.race([once(child.stdout, 'data'), ended]);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    expect([code, stderr]).toEqual([130, '']);
    expect(stdout).toMatch(/^\d+(,\d+)*\n$/);
  });

  test('SIGTERM does the same with 143', async () => {
    const { child, ended } = start(endless);
    await Promise.race([once(child.stdout, 'data'), ended]);
    child.kill('SIGTERM');
    const { code, stdout, stderr } = await ended;
    expect([code, stderr]).toEqual([143, '']);
    expect(stdout).toMatch(/^\d+(,\d+)*\n$/);
  });

  test('leaves no half of a JSON object, and ends the wait for standard input', async () => {
    const nothing = { code: 130, stdout: '', stderr: '' };
    const waiting = ['run', 'granite-tiny']; // standard input stays open
    expect(await Promise.all([interrupted([...endless, '--json']), interrupted(waiting)])).toEqual([nothing, nothing]);
  });
});

/** A command that shows no sign of life, after Ctrl-C. One that comes too early ends Node before it runs: then again, later. */
async function interrupted(args: readonly string[], waitMs = 2000): Promise<Ended> {
  const { child, ended } = start(args);
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  child.kill('SIGINT');
  const result = await ended;
  return result.code === null && waitMs < 10_000 ? interrupted(args, 2 * waitMs) : result;
}

test('a reader that has seen enough of a pipe ends the command without complaint', { timeout: 30_000 }, async () => {
  const { child, ended } = start(endless);
  await Promise.race([once(child.stdout, 'data'), ended]);
  child.stdout.destroy();
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
});

test.skipIf(!existsSync('/dev/full'))('an output that cannot be written is a failure told in one line', async () => {
  const full = openSync('/dev/full', 'w');
  const { child, ended } = start(['info', golden('mamba-odd')], {}, full);
  child.stdin.end();
  const { code, stderr } = await ended;
  closeSync(full);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^portmanteau: the standard output cannot be written: the disk is full; make room and try again\.\n$/,
  );
});
