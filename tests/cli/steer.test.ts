/** `steer make`, `steer try`, `patch` and `ablate`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, json } from './cli.ts';

let folder: string;
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-'));
  writeFileSync(path('she.txt'), 'The queen was old, and she\r\n\nThe girl ran, and she\n');
  writeFileSync(path('he.jsonl'), '"The king was old, and he"\n{"text": "The boy ran, and he"}\n');
  const texts = ['--positive', path('she.txt'), '--negative', path('he.jsonl'), '--mean', path('she.txt')];
  const made = await json<{
    steering: { positive: { texts: number }; sites: { site: string }[] };
    means: { tokens: number };
  }>([...['steer', 'make', 'granite-tiny', ...texts, '--sites', 'blocks.2.residPost', '--out', path('v.safetensors')]]);
  expect(made.steering.positive.texts).toBe(2);
  expect(made.steering.sites.map(({ site }) => site)).toEqual(['blocks.2.residPost']);
  expect(made.means.tokens).toBeGreaterThan(10);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('steer', () => {
  it('make: the file says which model, which texts and how', () => {
    const bytes = readFileSync(path('v.safetensors'));
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString()) as Record<
      string,
      unknown
    >;
    expect(Object.keys(header).sort()).toEqual(['__metadata__', 'blocks.2.residPost', 'mean.blocks.2.residPost']);
    const notes = header.__metadata__ as Record<string, string>;
    expect(notes).toMatchObject({
      format: 'portmanteau-vectors',
      family: 'granite',
      method: 'mean',
      positions: '"last"',
    });
    expect(notes.model).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.parse(notes.positive as string)).toEqual({ texts: 2, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('try: a row for each strength, and a page', async () => {
    const args = ['steer', 'try', 'granite-tiny', 'One day the child said that', '--vectors', path('v.safetensors')];
    const more = ['--words', ' she, he', '--strengths', '-1,0,1', '--neutral', 'The sun rose.', '-n', '3'];
    const { code, stdout, stderr } = await cli([...args, ...more, '--html', path('try.html')]);
    expect(stderr).toBe(`wrote ${path('try.html')}\n`);
    expect(code).toBe(0);
    const [, head, ...rows] = stdout.split('\n');
    expect(head?.trim().split(/ {2,}/)).toEqual(['strength', '␣she', '␣he', 'perplexity', 'text']);
    expect(rows.map((row) => row.trim().split(' ')[0]).filter(Boolean)).toEqual(['-1', '0', '1']);
    expect(readFileSync(path('try.html'), 'utf8')).toContain('Perplexity of the neutral text');
  });

  it('the vectors are a file for --interventions', async () => {
    const list = {
      version: 1,
      vectors: 'v.safetensors',
      interventions: [{ site: 'blocks.2.residPost', add: { vector: '{site}' }, by: 1 }],
    };
    writeFileSync(path('edits.json'), JSON.stringify(list));
    const run = ['run', 'granite-tiny', 'One day the child said that', '-n', '3'];
    const { text } = await json<{ text: string }>([...run, '--interventions', path('edits.json')]);
    const tried = await json<{ tries: { text: string }[] }>([
      ...['steer', 'try', 'granite-tiny', 'One day the child said that', '--vectors', path('v.safetensors')],
      ...['--strengths', '1', '-n', '3'],
    ]);
    expect(tried.tries[0]?.text).toBe(text);
  });

  it.each([
    [['make', 'granite-tiny', '--out', 'x'], 'there are no texts'],
    [['make', 'granite-tiny', '--out', 'x', '--positive', 'she.txt'], 'belong together'],
    [['make', 'granite-tiny', '--out', 'x', '--mean', 'missing.txt'], 'There is no such file'],
    [['make', 'granite-tiny', '--out', 'x', '--mean', 'she.txt', '--sites', 'nothing'], 'no site is called "nothing"'],
    [['make', 'granite-tiny', '--out', 'x', '--mean', 'she.txt', '--positions', 'first'], 'Wanted last, all, places'],
    [['try', 'mamba-tiny', 'x', '--vectors', 'v.safetensors'], 'make them with this model'],
    [['try', 'granite-tiny', 'x', '--vectors', 'v.safetensors', '--words', ' goodbye'], 'wanted one'],
    [
      ['try', 'granite-tiny', 'x', '--vectors', 'v.safetensors', '--sites', 'hidden'],
      'there is no vector for "hidden"',
    ],
  ])('%j: an error of one line', async (args, message) => {
    const here = args.map((arg) =>
      /\.(txt|safetensors)$/.test(arg) || (arg === 'x' && args[0] === 'make') ? path(arg) : arg,
    );
    const { code, stdout, stderr } = await cli(['steer', ...here]);
    expect(stderr).toContain(message);
    expect([code === 0, stdout, stderr.trimEnd().split('\n').length]).toEqual([false, '', 1]);
  });
});

const PROMPTS = [
  '--clean',
  'There was once a girl. One day',
  '--corrupt',
  'There was once a boy. One day',
  '--word',
  ' she',
];

describe('patch', () => {
  it('tells sites by places, and draws them', async () => {
    const { stdout, stderr, code } = await cli([
      'patch',
      'granite-tiny',
      ...PROMPTS,
      '--against',
      ' he',
      '--html',
      path('patch.html'),
    ]);
    expect([code, stderr]).toEqual([0, `wrote ${path('patch.html')}\n`]);
    expect(stdout).toMatch(/^ {2}blocks\.0\.residPre .* 1\.00 /m);
    expect(readFileSync(path('patch.html'), 'utf8')).toContain('heatmap');
  });

  it('prompts of other lengths are an error that shows the tokens', async () => {
    const { code, stderr } = await cli([
      'patch',
      'granite-tiny',
      '--clean',
      'A girl',
      '--corrupt',
      'A good boy',
      '--word',
      ' she',
    ]);
    expect(stderr).toContain('Corrupted: "A" " good" " boy".');
    expect(code).toBe(2);
  });
});

describe('ablate', () => {
  it('tells what changes, part by part', async () => {
    const { parts, value } = await json<{ value: number; parts: { site: string; change: number }[] }>([
      ...['ablate', 'mamba-tiny', '--text', 'There was once a girl. One day', '--word', ' she', '--against', ' he'],
    ]);
    expect(parts.map(({ site }) => site)).toEqual([0, 1, 2, 3, 4, 5].map((layer) => `blocks.${layer}.mixerOut`));
    expect(parts.every(({ change }) => change !== 0) && Number.isFinite(value)).toBe(true);
  });

  it('sites that hold whole numbers are an error', async () => {
    const { code, stderr } = await cli([
      'ablate',
      'granite-tiny',
      '--text',
      'One day',
      '--sites',
      'blocks.*.expertIds',
    ]);
    expect(stderr).toContain('has whole numbers');
    expect(code).toBe(2);
  });
});
