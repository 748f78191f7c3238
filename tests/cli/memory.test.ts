/** Limits of memory on the command line. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { byteCount } from '../../cli/options.ts';
import { cli, json } from './cli.ts';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

test('sizes are read as people write them', () => {
  for (const [text, bytes] of [
    ['8GB', 8e9],
    ['8g', 8e9],
    ['1.5 GiB', 1.5 * 2 ** 30],
    ['512MiB', 2 ** 29],
    ['1e9', 1e9],
    ['1000000', 1e6],
    ['2T', 2e12],
    ['100 kB', 1e5],
  ] as const)
    expect(byteCount(text)).toBe(bytes);
  for (const text of ['', 'GB', '-1', '0', '8 apples', '1e99', 'NaN', '1.2.3', '8GBs'])
    expect(() => byteCount(text), text).toThrow('Wanted a number of bytes');
});

test('a model that does not fit is refused; info says what does not, and what there is', {
  timeout: 60_000,
}, async () => {
  const few = await cli(['run', 'granite-tiny', 'x', '-n', '1', '--memory', '50MB']);
  expect(few).toMatchObject({ code: 2, stdout: '' });
  expect(few.stderr).toMatch(/needs \d+ MB of memory, but may take 50 MB/);
  const compared = await cli(['score', 'granite-tiny', '--text', 'a b c', '--compare', 'f32', '--memory', '5MB']);
  expect(compared).toMatchObject({ code: 2, stdout: '' });
  expect((await cli(['info', 'granite-tiny', '--memory', '50MB'])).stdout).toMatch(
    /this process may take 50.00 MB\n {2}auto +[\d.]+ MB +does not fit/,
  );
  const { memory } = await json<{ memory: { totalBytes: number } }>(['info', 'granite-tiny']);
  expect(memory.totalBytes).toBeGreaterThan(1e8);
});

test.skipIf(process.platform !== 'linux')('a limit on addresses is named, with its cure', { timeout: 60_000 }, () => {
  const limited = (env: object) =>
    spawnSync('sh', ['-c', `ulimit -v 8000000; "${process.execPath}" "${main}" run granite-tiny x -n 1 --threads 1`], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
  const { status, stderr } = limited({});
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringMatching(/'ulimit -v' allows this process 8.2 GB/),
  });
  expect(stderr).toMatch(/ulimit -v unlimited/);
  expect(limited({ NODE_OPTIONS: '--disable-wasm-trap-handler' }).status).toBe(0);
});

test('--max-state bounds the states, and says what to do when they are full', { timeout: 60_000 }, async () => {
  const words = 'Once upon a time there was a king who had three sons. '.repeat(8);
  const run = ['run', 'granite-tiny', words, '-n', '1', '--threads', '1', '--max-state'];
  const few = await cli([...run, '100kB']);
  expect(few).toMatchObject({ code: 2, stdout: '' });
  expect(few.stderr).toMatch(/maxStateBytes.*--max-state/);
  expect((await cli([...run, '512MB'])).code).toBe(0);
  expect((await cli([...run, '0'])).stderr).toMatch(
    /--max-state <size>' argument '0' is invalid. Wanted a number of bytes/,
  );
});

test('info tells the bytes of a state per token and per sequence', { timeout: 30_000 }, async () => {
  const { stateBytesPerToken, stateBytesFixed } = await json<Record<string, number>>(['info', 'mamba-tiny']);
  expect(stateBytesPerToken).toBe(0);
  const { stdout } = await cli(['info', 'mamba-tiny']);
  expect(stdout).toMatch(new RegExp(`per token +0 bytes\\n +per sequence +${stateBytesFixed} bytes`));
});
