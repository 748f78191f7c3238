/** `score` of texts that are longer than the context, and of any text in windows. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { readSafetensors } from '../../src/checkpoint/safetensors.ts';
import { cli, json } from './cli.ts';

let folder = '';
let file = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-cli-'));
  file = join(folder, 'long.txt');
  writeFileSync(file, 'There was once a king who had three sons. '.repeat(60));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface ScoreResult {
  readonly tokens: { id: number; logprob: number | null }[];
  readonly perplexity: number;
  readonly window: number;
  readonly stride: number;
  readonly windows: number;
}

test('a long text is scored in windows of the context, and a note says so', { timeout: 60_000 }, async () => {
  const { code, stdout, stderr } = await cli(['score', 'granite-tiny', '--text-file', file, '--json']);
  const { tokens, ...result } = JSON.parse(stdout) as ScoreResult;
  expect(code).toBe(0);
  expect(result).toMatchObject({ window: 512, stride: 512, windows: 2 });
  expect(tokens.flatMap(({ logprob }, at) => (logprob === null ? [at] : []))).toEqual([0, 512]);
  expect(stderr).toBe(
    `note: the ${tokens.length} tokens are read in 2 windows of 512, this model's context (--window and --stride choose others)\n`,
  );
});

test('windows and strides are chosen, for people too, and with logits of every token', {
  timeout: 60_000,
}, async () => {
  const args = ['score', 'granite-tiny', '--text-file', file, '--window', '100', '--stride', '40'];
  const logits = join(folder, 'logits.safetensors');
  const [result, sheet, compared] = await Promise.all([
    json<ScoreResult>([...args, '--logits', logits]),
    cli(args),
    json<ScoreResult>([...args, '--compare', 'auto']),
  ]);
  expect(sheet.stderr).toBe('');
  expect(sheet.stdout).toMatch(new RegExp(`\\nwindows +${result.windows} of 100 tokens, one every 40\\nsum `));
  const { windows, window, stride } = result;
  expect(compared).toMatchObject({ windows, window, stride });
  expect(compared.perplexity).toBeCloseTo(result.perplexity, 9);
  const source = (await localFolder(folder).open('logits.safetensors'))!;
  const [stored] = await readSafetensors(source);
  const [count, vocabSize] = stored!.shape as [number, number];
  const bytes = new Uint8Array(stored!.byteLength);
  await stored!.read(0, bytes);
  await source.close();
  const data = new Float32Array(bytes.buffer);
  expect(count).toBe(result.tokens.length);
  for (const [i, { id, logprob }] of result.tokens.entries()) {
    if (logprob === null) continue;
    const row = data.subarray((i - 1) * vocabSize, i * vocabSize);
    const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
    expect((row[id] as number) - total).toBeCloseTo(logprob, 4);
  }
});

test('what is no window is misuse', { timeout: 60_000 }, async () => {
  const bad: [string[], RegExp][] = [
    [['--window', '1000'], /window came as 1000.*context, 512/],
    [['--window', '1'], /window came as 1/],
    [['--window', '64', '--stride', '65'], /stride came as 65/],
    [['--stride', '0'], /stride came as 0/],
    [['--window', 'x'], /Wanted a whole number/],
  ];
  for (const [args, told] of bad) {
    const { code, stdout, stderr } = await cli(['score', 'granite-tiny', '--text-file', file, ...args]);
    expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
    expect(stderr).toMatch(told);
  }
});
