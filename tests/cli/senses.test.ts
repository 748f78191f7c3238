/** `portmanteau senses`, as users run it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cli, golden, json } from './cli.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-senses-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const inFolder = (name: string) => join(folder, name);
const env = () => ({ PORTMANTEAU_CACHE: inFolder('cache') });
const told = async (args: readonly string[]) => {
  const { code, stdout, stderr } = await cli(['senses', ...args], { env: env() });
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return { stdout, stderr };
};

describe('looking', { timeout: 30_000 }, () => {
  test('lookup: sense 3 of said predicts quotation marks', async () => {
    const { stdout, stderr } = await told([
      'lookup',
      'backpack-tiny',
      'said',
      'princess',
      '--senses',
      '3',
      '--top',
      '2',
    ]);
    expect(stdout).toContain('3      ␣‘ 11.81, ␣" 11.59');
    expect(stdout).toContain("␣prin (of 'princess')");
    expect(stderr).toBe('note: \'princess\' is 2 tokens, " prin" "cess"\n');
    const { words } = await json<{ words: { id: number; senses: { top: { text: string }[] }[] }[] }>([
      'senses',
      'lookup',
      'backpack-tiny',
      '"7"',
      '500',
      '--top',
      '3',
    ]);
    expect(words.map(({ id }) => id === 500)).toEqual([false, true]);
    expect(words[0]?.senses.map(({ top }) => top.length)).toEqual(Array(8).fill(3));
  });

  test('nearest and similarity: wife is nearest to mother', async () => {
    const { stdout } = await told(['nearest', 'backpack-tiny', 'mother', '--top', '2']);
    expect(stdout).toMatch(/␣wife +\d+ +0\.851\n +␣father/);
    const found = await json<{ senses: number[]; min: number }>([
      'senses',
      'similarity',
      'backpack-tiny',
      'mother',
      'wife',
    ]);
    expect(found.min).toBeCloseTo(0.851, 3);
    expect(found.senses).toHaveLength(8);
    const bySense = await json<{ words: { nearest: { similarity: number }[] }[] }>([
      'senses',
      'nearest',
      'backpack-tiny',
      'mother',
      '--by',
      '3',
    ]);
    expect(bySense.words[0]?.nearest).toHaveLength(10);
  });

  test('pairs and decompose, with a page', async () => {
    writeFileSync(inFolder('pairs.csv'), 'king;wife;3\nmother;father;9\nhorse;eat;1\n');
    const pairs = await json<{ pairs: number; min: number }>([
      'senses',
      'pairs',
      'backpack-tiny',
      inFolder('pairs.csv'),
      '--html',
      inFolder('pairs.html'),
    ]);
    expect(pairs).toMatchObject({ pairs: 3, min: 1 });
    expect(readFileSync(inFolder('pairs.html'), 'utf8')).toContain('Agreement with people');
    const args = [
      'decompose',
      'backpack-tiny',
      '--text',
      'The Princess sat down, and',
      '--word',
      'she',
      '--against',
      'he',
    ];
    const { stdout } = await told(args);
    expect(stdout).toMatch(/position +token +sense +part\n +1 +␣Princess +3 +\+1\.1853\n/);
    expect(stdout).toContain('The parts sum to 1.0759; the model computes 1.0759.');
  });
});

describe('changing', { timeout: 60_000 }, () => {
  test('topic: the table is computed once, and the same seed gives the same text', async () => {
    const args = [
      'topic',
      'backpack-tiny',
      'One day',
      '--words',
      'horse,wood',
      '--strength',
      '3',
      '-n',
      '12',
      '--seed',
      '1',
    ];
    const { stdout } = await told([...args, '--temperature', '0.8']);
    const [place] = readdirSync(inFolder('cache/senses'));
    expect(readdirSync(join(inFolder('cache/senses'), place as string))).toContain('maxima.safetensors');
    const again = await json<{ text: string; ids: number[]; bounds: number[] }>(
      ['senses', ...args, '--temperature', '0.8'],
      { env: env() },
    );
    expect(`${again.text}\n`).toBe(stdout);
    expect(again.ids).toHaveLength(12);
    const sampled = await told([...args, '--sample', '50']);
    expect(sampled.stdout.trim()).not.toBe('');
    const start = await json<{ promptIds: number[] }>(
      ['senses', 'topic', 'backpack-tiny', '--words', 'horse', '-n', '2', '--sample', '20'],
      { env: env() },
    );
    expect(start.promptIds).toEqual([1023]); // the end of a text, after which a new one begins
  });

  test('bias: words of several tokens are left out; factors are saved', async () => {
    const args = ['bias', 'backpack-tiny', '--words', 'mother,king,princess', '--pair', 'she,he', '--sense', '5'];
    const { stdout } = await told([...args, '--out', inFolder('bias.json')]);
    expect(stdout).toContain('Left out, since they are not one token: princess.');
    const { interventions } = JSON.parse(readFileSync(inFolder('bias.json'), 'utf8'));
    expect(interventions).toEqual([
      { senses: { token: 773, sense: 5 }, scale: expect.any(Number) },
      { senses: { token: 686, sense: 5 }, scale: expect.any(Number) },
    ]);
    const { stdout: data } = await told(['bias-data']);
    writeFileSync(
      inFolder('data.json'),
      JSON.stringify({ ...JSON.parse(data), words: ['king'], prompts: ['My {word}'] }),
    );
    const found = await json<{ words: { difference: number; added: number }[] }>([
      'senses',
      'bias',
      'backpack-tiny',
      '--data',
      inFolder('data.json'),
    ]);
    expect(found.words).toHaveLength(1);
  });

  test('edit, scale and swap write files of interventions', async () => {
    await told([
      'edit',
      'backpack-tiny',
      'king',
      '--remove',
      'wife',
      '--add',
      'mother',
      '--out',
      inFolder('king.json'),
    ]);
    expect(existsSync(inFolder('king.safetensors'))).toBe(true);
    await told(['scale', 'backpack-tiny', 'said', '--sense', '5', '--by', '0', '--out', inFolder('said.json')]);
    expect(JSON.parse(readFileSync(inFolder('said.json'), 'utf8'))).toMatchObject({
      interventions: [{ senses: { sense: 5 }, scale: 0 }],
    });
    await told(['swap', 'backpack-tiny', 'king', '--from', 'wife', '--senses', '0,5', '--out', inFolder('swap.json')]);
    expect(JSON.parse(readFileSync(inFolder('swap.json'), 'utf8')).interventions).toHaveLength(2);
  });
});

test.each<readonly [readonly string[], RegExp]>([
  [['lookup', 'granite-tiny', 'said'], /this model has no senses/],
  [['lookup', 'backpack-tiny', 'said', '--senses', '8'], /sense 8 does not exist: this model has senses 0 to 7/],
  [['lookup', 'backpack-tiny', '99999'], /token id 99999 does not exist/],
  [['lookup', golden('backpack-hub'), 'said'], /no tokenizer for the word 'said'/],
  [
    ['nearest', 'backpack-tiny', 'said', '--by', 'most'],
    /--by is 'most', wanted the number of a sense, or one of min, max/,
  ],
  [['decompose', 'backpack-tiny', '--text', 'a'], /give --word/],
  [['decompose', 'backpack-tiny', '--text', 'a', '--word', 'b', '--position', '7'], /position 7 does not exist/],
  [['pairs', 'backpack-tiny', 'nosuch.csv'], /There is no such file/],
  [['topic', 'backpack-tiny', '--words', 'horse', '--strength', '5'], /Wanted 0, 1, 2 or 3/],
  [['topic', 'backpack-tiny', '--words', ','], /a topic has no words/],
  [['bias', 'backpack-tiny'], /none of the 40 words is one token/],
  [['bias', 'backpack-tiny', '--pair', 'he'], /--pair has 1 words, wanted two/],
  [['bias', 'backpack-tiny', '--words', 'king', '--prompt', 'My king'], /has no \{word\}/],
  [['scale', 'backpack-tiny', 'said', '--sense', '5', '--by', '0', '--out', '-'], /two files/],
])('%j is refused before weights are loaded', async (args, message) => {
  const { code, stdout, stderr } = await cli(['senses', ...args]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(message);
});
