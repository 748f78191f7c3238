/** `bench` on the small models: every field of its report, its table, what it refuses, and that Ctrl-C leaves nothing behind. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cli, json, start } from './cli.ts';

const QUICK = ['--new', '4', '--rounds', '1'];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Report {
  readonly threads: readonly {
    readonly threads: number;
    readonly decode: Record<string, number>;
    readonly prefill: readonly Record<string, number>[];
  }[];
}

/** Every number in a value, by its path. */
function numbersIn(value: unknown, path = ''): [string, number][] {
  if (typeof value === 'number') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => numbersIn(inner, `${path}.${key}`));
}

const positive = expect.any(Number);

test.each([
  ['granite-tiny', 'auto', ['1', '2']],
  ['mamba-tiny', 'q8', ['1']],
])('%s as %s: all fields, of each number of threads', { timeout: 60_000 }, async (model, weights, threads) => {
  const args = [
    'bench',
    model,
    '--weights',
    weights,
    '--prompt',
    '8,3',
    '--threads',
    threads.join(','),
    ...QUICK,
    '--sequences',
    '2',
  ];
  const report = await json<Report>(args);
  expect(report).toEqual({
    shape: model,
    weights,
    variant: expect.stringMatching(/^(plain|relaxed16|relaxed32)$/),
    node: process.version,
    cpu: expect.any(String),
    threads: threads.map((count) => ({
      threads: Number(count),
      loadSeconds: positive,
      peakBytes: positive,
      weightBytes: positive,
      decode: {
        tokensPerSecond: positive,
        bytesPerToken: positive,
        shareOfReadBandwidth: positive,
        readBandwidth: positive,
      },
      prefill: [8, 3].map((tokens) => ({
        tokens,
        tokensPerSecond: positive,
        shareOfPeak: positive,
        multiplyAddsPerSecond: positive,
      })),
      peakMultiplyAdds: positive,
      batches: [{ sequences: 2, tokensPerSecond: positive, times: positive }],
    })),
  });
  const numbers = numbersIn(report);
  for (const [path, value] of numbers) expect(value, path).toBeGreaterThan(0);
  for (const [path, value] of numbers) if (/share/.test(path)) expect(value, path).toBeLessThan(1.5);
});

test('tells the same to people', { timeout: 60_000 }, async () => {
  const { code, stdout, stderr } = await cli(['bench', 'granite-tiny', '--prompt', '8', '--threads', '1', ...QUICK]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /^granite-tiny, --weights auto: .* MB of weights, of which a token reads .* MB\n\S+ kernels, Node /,
  );
  expect(stdout).toMatch(/\n1 .* s .* MB +decoding +[\d.]+ +[\d.]+ % of [\d.]+ GB\/s\n/);
  expect(stdout).toMatch(/\n +prompt of 8 +[\d.]+ +[\d.]+ % of [\d.]+ billion multiply-adds\/s\n$/);
});

const REFUSED: readonly (readonly [readonly string[], RegExp])[] = [
  [[], /give either a model or --shape/],
  [['granite-tiny', '--shape', 'mamba-0.7b'], /give either a model or --shape/],
  [['--shape', 'granite'], /there is no shape 'granite'; known are backpack-gpt2, .*mamba-0\.7b/],
  [['granite-tin'], /did you mean granite-tiny/],
  [['granite-tiny', '--prompt', '8,0'], /'8,0' is invalid. Wanted a whole number from 1 on/],
  [['granite-tiny', '--threads', '1,x'], /Wanted a whole number from 1 to 64/],
  [['granite-tiny', '--rounds', '0'], /Wanted a whole number from 1 on/],
  [['granite-tiny', '--prompt', '8,9999'], /9999 tokens do not fit: this model reads at most 512/],
  [['granite-tiny', '--new', '512'], /513 tokens do not fit/],
  [['granite-tiny', '--weights', 'ternary'], /no ternary layers/],
];

test('what cannot be measured is told in one line, and at once', { timeout: 60_000 }, async () => {
  for (const [args, told] of REFUSED) {
    const { code, stdout, stderr } = await cli(['bench', ...args]);
    expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
    expect(stderr).toMatch(/^portmanteau: [^\n]+\n$/);
    expect(stderr).toMatch(told);
  }
});

test('Ctrl-C ends what measures and removes the synthetic weights', { timeout: 60_000 }, async () => {
  const args = ['bench', '--shape', 'backpack-gpt2', '--weights', 'q8', '--threads', '1', '--rounds', '1000'];
  const { child, ended } = start(args, { TMPDIR: folder });
  const until = async (holds: () => boolean) => {
    while (!holds() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  await until(() => readdirSync(folder).some((name) => name.startsWith('portmanteau-bench-')));
  await new Promise((resolve) => setTimeout(resolve, 1500)); // the files are written, a child is at work
  child.kill('SIGINT');
  expect(await ended).toEqual({ code: 130, stdout: '', stderr: '' });
  expect(readdirSync(folder)).toEqual([]);
});
