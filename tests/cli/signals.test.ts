import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { golden, start } from './cli.ts';

const endless = ['run', golden('mamba-odd'), '--ids', '1,2', '-n', '1e6', '--ignore-end'];

describe('Ctrl-C', { timeout: 30_000 }, () => {
  test.each(['1', '2'])('ends a generation on %s threads with 130, whole tokens and a new line', async (threads) => {
    const { child, ended } = start([...endless, '--threads', threads]);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    expect([code, stderr]).toEqual([130, '']);
    expect(stdout).toMatch(/^\d+(,\d+)*\n$/);
  });

  test('leaves no half of a JSON object, and ends the wait for standard input', async () => {
    const generating = start([...endless, '--json']);
    const waiting = start(['run', 'granite-tiny']); // standard input stays open
    await Promise.all([generating, waiting].map(handlesSignals));
    generating.child.kill('SIGINT');
    waiting.child.kill('SIGINT');
    const nothing = { code: 130, stdout: '', stderr: '' };
    expect(await Promise.all([generating.ended, waiting.ended])).toEqual([nothing, nothing]);
  });
});

/** Until the process listens: before, the signal itself ends it, with no exit code of ours. */
async function handlesSignals(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 3000));
}

test('a reader that has seen enough of a pipe ends the command without complaint', { timeout: 30_000 }, async () => {
  const { child, ended } = start(endless);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
});
