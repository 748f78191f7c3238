/** `experts`, `ssm` and `ternary` as users call them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  EffectiveAttention,
  ExpertAblation,
  ExpertLoad,
  ExpertTokens,
  ExpertWrites,
  LogitSources,
  StepSizes,
  TernaryWeights,
} from '../../src/node.ts';
import { cli, golden, json } from './cli.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-insides-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TEXT = 'Once upon a time there was a';
const text = ['--text', TEXT];

test('tables, JSON and pages of experts', { timeout: 120_000 }, async () => {
  const load = await json<ExpertLoad>(['experts', 'load', 'granite-tiny', ...text, '--layers', '1,3']);
  expect(load).toMatchObject({ experts: 8, active: 2, layers: [{ layer: 1 }, { layer: 3 }] });
  const tokens = await json<ExpertTokens>(['experts', 'tokens', 'granite-tiny', ...text, '--least', '1', '--top', '2']);
  expect(tokens.layers[0]?.experts.every((one) => one.tokens.length <= 2)).toBe(true);
  const writes = await json<ExpertWrites>(['experts', 'writes', 'granite-tiny', ...text, '--position', '-1']);
  expect(writes.writes.map(({ layer }) => layer)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  const words = ['--word', ' little', '--against', ' great'];
  const page = join(folder, 'ablate.html');
  const lost = await json<ExpertAblation>(['experts', 'ablate', 'granite-tiny', ...text, ...words, '--html', page]);
  expect(lost).toMatchObject({ measure: 'logit', word: { text: ' little' }, against: { text: ' great' } });
  expect(lost.ablations).toHaveLength(32);
  expect(readFileSync(page, 'utf8')).toContain('Change without each expert');
  const { stdout } = await cli(['experts', 'route', 'granite-tiny', ...text]);
  expect(stdout).toMatch(/^Experts of each token\n.*token +layer 0 +layer 1 +layer 2 +layer 3\n/);
  const agree = await cli(['experts', 'agree', 'granite-tiny', ...text, '--with-weights', 'q4']);
  expect(agree.stdout).toMatch(/^Experts of two models\n/);
});

test('tables, JSON and pages of state space layers', { timeout: 120_000 }, async () => {
  const steps = await json<StepSizes>(['ssm', 'steps', 'mamba-tiny', ...text]);
  expect(steps.relative).toHaveLength(steps.tokens.length);
  const page = join(folder, 'attention.html');
  const attention = ['ssm', 'attention', 'mamba-tiny', ...text, '--layers', '5', '--channels', '0,9', '--html', page];
  const { layers, tokens } = await json<EffectiveAttention>(attention);
  expect(layers[0]?.channels.map(({ channel }) => channel)).toEqual([0, 9]);
  expect(layers[0]?.signed).toHaveLength(tokens.length);
  expect(readFileSync(page, 'utf8')).toContain('Layer 5, channel 9');
  const sources = await json<LogitSources>(['ssm', 'sources', 'mamba-tiny', ...text, '--word', ' little']);
  const parts = sources.layers.reduce((sum, { skip, rest }) => sum + skip + rest, sources.embed + sources.rest);
  expect(parts + sources.sources.reduce((sum, one) => sum + one, 0)).toBeCloseTo(sources.logit, 5);
  for (const name of ['spans', 'state'])
    expect((await cli(['ssm', name, golden('mamba-odd'), '--ids', '1,2,3'])).code).toBe(0);
});

test('tables and JSON of ternary layers', { timeout: 120_000 }, async () => {
  const { matrices, total } = await json<TernaryWeights>(['ternary', 'weights', 'bitnet-tiny']);
  expect(matrices).toHaveLength(42);
  expect(total.entropy).toBeGreaterThan(1.5);
  const masters = golden('llama-online');
  const compared = await cli(['ternary', 'weights', masters, '--original', masters]);
  expect(compared.stdout).toMatch(/Distance to the original\n[^\n]+equal\n[^\n]+ 100\.0%\n/);
  const { stdout } = await cli(['ternary', 'activations', 'bitnet-tiny', ...text, '--layers', '0', '--top', '1']);
  expect(stdout.split('\n').filter((line) => line.includes('blocks.0.'))).toHaveLength(4);
});

/** Arguments, and what the one line on stderr must tell. */
const MISUSE: readonly (readonly [readonly string[], RegExp])[] = [
  [['experts', 'load', 'bitnet-tiny', ...text], /no mixture of experts/],
  [['experts', 'load', 'granite-tiny', ...text, '--layers', '4'], /layer 4 .* layers 0 to 3/],
  [['experts', 'load', 'granite-tiny', ...text, '--layers', 'x'], /Wanted a whole number/],
  [['experts', 'load', 'granite-tiny', ...text, '--window', '9999'], /window came as 9999/],
  [['experts', 'load', 'granite-tiny', ...text, '--html', '/nosuch/page.html'], /There is no folder/],
  [['experts', 'agree', 'granite-tiny', ...text], /--with-text, or --with-model/],
  [['experts', 'agree', 'granite-tiny', ...text, '--with-model', 'mamba-tiny'], /no mixture of experts/],
  [['experts', 'ablate', 'granite-tiny', ...text, '--experts', '8'], /expert 8 does not exist.*0 to 7/],
  [['experts', 'ablate', 'granite-tiny', ...text, '--word', ' queen'], /is 2 tokens, wanted one/],
  [['experts', 'writes', 'granite-tiny', ...text, '--position', '99'], /position 99 does not exist/],
  [['ssm', 'steps', 'granite-tiny', ...text], /no state space layers/],
  [['ssm', 'attention', 'mamba-tiny', ...text, '--channels', '256'], /channel 256 does not exist.*0 to 255/],
  [['ssm', 'sources', 'mamba-tiny', ...text], /required option '--word <word>'/],
  [['ssm', 'sources', 'granite-tiny', ...text, '--word', ' little'], /no state space layers/],
  [['ternary', 'weights', 'granite-tiny'], /no ternary matrices/],
  [['ternary', 'weights', 'bitnet-tiny', '--original', 'bitnet-tiny'], /is U8, as packed weights are/],
  [['ternary', 'activations', 'backpack-tiny', ...text], /no ternary layers/],
];

test('misuse is told in one line, with exit code 2 and nothing on stdout', { timeout: 120_000 }, async () => {
  for (const [args, told] of MISUSE) {
    const { code, stdout, stderr } = await cli(args);
    expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
    expect(stderr).toMatch(/^portmanteau: [^\n]+\n$/);
    expect(stderr).toMatch(told);
  }
});
