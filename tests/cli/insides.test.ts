/** `lens`, `attribute`, `attention` and `info --sites` as users call them: tables, one object, pages; wrong input is told before weights are read. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { LogitAttribution, LogitLens } from '../../src/node.ts';
import { cli, json } from './cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'portmanteau-insides-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const state = join(folder, 'state.json');
writeFileSync(state, '[{ "state": "blocks.0.ssmState", "at": 3, "reset": true }]');
const silent = join(folder, 'silent.json');
writeFileSync(silent, '[{ "site": "blocks.1.attnOut", "scale": 0 }]');

const TEXT = ['--text', 'Once upon a time there was a little girl who lived with'];
const lens = ['lens', 'granite-tiny', ...TEXT];
const attribute = ['attribute', 'granite-tiny', ...TEXT];

test('a lens is a table of the last token, one object, or a page', async () => {
  const { code, stdout } = await cli([...lens, '--word', ' her', '--top', '2']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^After token 14, ␣with\n {2}site +KL +rank +␣her +1\. +2\.\n/);
  expect(stdout).toMatch(/\n {2}final +0\.000 +2 +11\.9% +␣a 16\.8% +␣her 11\.9%\n/);
  const { tokens, sites, readings, word } = await json<LogitLens>([...lens, '--word', ' her', '--positions', '0,-1']);
  expect([tokens.length, sites.length, readings.length, word?.text]).toEqual([15, 6, 6, ' her']);
  const ranks = readings.map((row) => row[1]?.word?.rank);
  expect(ranks[0]).toBeGreaterThan(10); // a word that the layers make likelier
  expect(ranks.at(-1)).toBe(2);
  const page = join(folder, 'lens.html');
  const written = await cli([...lens, '--html', page]);
  expect(written).toMatchObject({ code: 0, stderr: expect.stringContaining(`wrote ${page}`) });
  expect(readFileSync(page, 'utf8')).toContain('"title":"The likeliest word"');
});

test('the page itself may be the standard output: the table goes to stderr then', async () => {
  const { stdout, stderr } = await cli([
    'attention',
    'bitnet-tiny',
    '--text',
    'The king',
    '--layers',
    '0',
    '--html',
    '-',
  ]);
  expect(stdout.startsWith('<!doctype html>')).toBe(true);
  expect(stdout.endsWith('</html>\n')).toBe(true);
  expect(stderr).toContain('What each token reads most (mean of 6 heads)');
});

test('attributions sum to the logit', async () => {
  const { parts, logit, bias, rest } = await json<LogitAttribution>([
    ...attribute,
    '--word',
    ' her',
    '--against',
    '328',
  ]);
  expect(parts.reduce((sum, part) => sum + part.logit, bias + rest)).toBeCloseTo(logit, 9);
  const { stdout } = await cli([...attribute, '--word', ' her', '--against', ' his', '--per-head']);
  expect(stdout).toMatch(/The strongest heads\n {2}attention +head +logit\n {2}blocks\./);
  expect(stdout).toMatch(/\n {2}sum +\+1\.32\d\d\n/);
});

test.each<readonly [readonly string[], RegExp]>([
  [
    [...lens, '--word', ' grandmother'],
    /" grandmother" is \d tokens, wanted one: \d+ ".*Give one of these by its id, such as the first/,
  ],
  [[...lens, '--word', 'girl'], /With its space, " girl" is one: \d+/],
  [[...lens, '--word', '99999'], /word 99999 does not exist: this model has ids 0 to/],
  [[...lens, '--word', ''], /the word is empty/],
  [[...lens, '--positions', '15'], /position 15 does not exist: the text has 15 tokens, at 0 to 14/],
  [[...lens, '--positions', '1,x'], /Wanted places in the text, as in 0,3,-1/],
  [[...lens, '--layers', '4'], /layer 4 does not exist: this model has 4 layers, from 0 on/],
  [[...lens, '--layers', '1', '--sites', 'embed'], /give one of them/],
  [[...lens, '--sites', 'blocks.0.q'], /'blocks\.0\.q' cannot take the place of the last block's output/],
  [[...lens, '--sites', 'nosuch'], /no site is called 'nosuch'/],
  [[...lens, '--html', join(folder, 'nosuch', 'a.html')], /There is no folder/],
  [[...lens, 'The cat sat'], /a text comes after --text: lens MODEL --text/],
  [['lens', 'mamba-tiny', ...TEXT, '--interventions', state], /change a state before token 0 only/],
  [[...lens, '--interventions', state], /this model has none: it keeps keys and values of every token/],
  [[...attribute, '--word', ' her', '--against', ' her'], /word and against are the same token/],
  [attribute, /required option '--word <word>' not specified/],
  [[...attribute, '--word', ' her', '--position', '-16'], /position -16 does not exist/],
  [
    ['attribute', 'backpack-tiny', ...TEXT, '--word', ' her'],
    /sums over sense vectors, and `portmanteau senses` takes them apart/,
  ],
  [['attention', 'mamba-tiny', ...TEXT], /this model has no attention \(no site is called 'blocks\.\*\.pattern'\)/],
  [['attention', 'granite-tiny', ...TEXT, '--heads', '4'], /head 4 does not exist: this model has 4 heads/],
  [
    ['attention', 'granite-tiny', ...TEXT, '--layers', '9'],
    /layer 9 has no 'pattern': this model has it in layers 0 to 3/,
  ],
])('%j is misuse', async (args, told) => {
  const { code, stdout, stderr } = await cli(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(told);
});

test('lens, attribute and attention look at a model under interventions', async () => {
  const under = ['--interventions', silent];
  const { parts } = await json<LogitAttribution>([...attribute, '--word', ' her', ...under]);
  expect(parts.find(({ site }) => site === 'blocks.1.attnOut')?.logit).toBe(0);
  const last = async (more: string[]) => {
    const { readings } = await json<LogitLens>([...lens, '--word', ' her', '--positions', '-1', ...more]);
    return readings.map(([reading]) => reading?.word?.logprob);
  };
  const [plain, changed] = [await last([]), await last(under)];
  expect(changed.slice(0, 2)).toEqual(plain.slice(0, 2)); // what comes before it
  expect(changed.at(-1)).not.toBe(plain.at(-1));
  const page = join(folder, 'attention.html');
  await cli(['attention', 'granite-tiny', ...TEXT, '--layers', '2', ...under, '--html', page]);
  expect(readFileSync(page, 'utf8')).toContain(JSON.stringify(['interventions', silent]));
});

test('info --sites names axes, meanings and what TransformerLens calls them', async () => {
  const { stdout } = await cli(['info', 'granite-tiny', '--sites']);
  expect(stdout).toMatch(
    /\nblocks\.\*\.residPre +\[T, M\] +blocks\.\*\.hook_resid_pre +residual stream before the block\n/,
  );
  const { sites } = await json<{ sites: { name: string; transformerLens: string | null }[] }>([
    'info',
    'backpack-tiny',
    '--sites',
  ]);
  expect(sites).toContainEqual(
    expect.objectContaining({ name: 'blocks.1.q', transformerLens: 'blocks.1.attn.hook_q' }),
  );
  expect(sites).toContainEqual(expect.objectContaining({ name: 'senses', transformerLens: null }));
});
