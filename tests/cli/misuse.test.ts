import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { helpText } from '../../cli/help-text.ts';
import { cli, golden } from './cli.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-cli-'));
  mkdirSync(join(folder, 'empty'));
  mkdirSync(join(folder, 'model'));
  for (const name of ['config.json', 'weights']) writeFileSync(join(folder, 'model', name), '');
  writeFileSync(join(folder, 'binary'), Uint8Array.from([0xff, 0xfe, 0, 1]));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const mamba = golden('mamba-odd');
const run = ['run', 'granite-tiny', 'x'];
const capture = ['capture', mamba, '--ids', '1', '--sites', 'hidden', '--out'];

/** Arguments, and what the one line on stderr must tell. `F/` stands for a folder of this test. */
const MISUSE: readonly (readonly [readonly string[], RegExp])[] = [
  [['rum'], /unknown command 'rum'.*Did you mean run/],
  [['run'], /missing required argument 'model'/],
  [
    ['run', 'backpack-tny', 'x'],
    /: 'backpack-tny': There is no such folder or model; did you mean backpack-tiny\? \(see 'portmanteau run --help'\)\n$/,
  ],
  [['info', 'Granite_Tiny'], /did you mean granite-tiny\?/],
  [['tokenize', 'nosuch', 'x'], /'nosuch' is no folder.*backpack-tiny, .*granite-tiny/],
  [['run', 'F/binary', 'x'], /binary' is a file. A model is given as a folder with config.json, [^.]*\.\n$/],
  [['run', 'F/model/weights', 'x'], /weights' is a file. .* Give its folder: \S+\/model\.\n$/],
  [[...run, 'y'], /too many arguments.*got 3; a prompt of several words stands in quotes/],
  [['score', 'granite-tiny', 'text'], /too many arguments.*a text comes after --text/],
  [
    ['quantize', 'granite-tiny', 'F/out'],
    /required option '--weights <format>' not specified; wanted one of bf16, f16, q8, q4, /,
  ],
  [['cache', 'rm'], /missing required argument.*\(see 'portmanteau cache rm --help'\)/],
  [[...run, '--max_tokens', '3'], /unknown option '--max_tokens'; here it is --max-new-tokens/],
  [[...run, '--numThreads=3'], /unknown option '--numThreads'; here it is --threads/],
  [[...run, '--seed', '1e30'], /Wanted a whole number from 0 on that is not so large: at most 9007199254740991/],
  [[...run, '--memory', '8'], /Without a unit these are bytes.*wanted 8GB\?/],
  [[...run, '--load-state', 'F/empty'], /this is a folder/],
  [[...run, '--load-state', 'F/nosuch'], /There is no such file/],
  [[...run, '--maxnewtokens', '3'], /unknown option '--maxnewtokens'.*--max-new-tokens/],
  [[...run, '--threads', '0'], /'--threads <n>' argument '0'.*from 1 to/],
  [[...run, '--weights', 'q5'], /'q5' is invalid. Allowed choices are auto, f32, bf16, f16/],
  [[...run, '--temperature', 'NaN'], /Wanted a number from 0 on/],
  [[...run, '--stop', ''], /Wanted at least one character/],
  [[...run, '--logit-bias', '5:'], /Wanted id:bias/],
  [[...run, '--ids', '1'], /not both/],
  [['run', 'granite-tiny', '--ids', '1,,2'], /Wanted token ids, as in 1,2,3/],
  [['run', mamba, '--ids', '1,51'], /token id 51 does not exist: this model has ids 0 to 50/],
  [['run', 'granite-tiny', ''], /the prompt is empty/],
  [['run', mamba, 'text'], /no tokenizer: give token ids/],
  [['run', 'granite-tiny', 'word '.repeat(1000)], /tokens do not fit: this model reads at most 512/],
  [['score', mamba], /give --text, --text-file or --ids/],
  [['score', 'granite-tiny', '--text', ''], /the text is empty/],
  [['score', mamba, '--text', 'x', '--ids', '1'], /cannot be used with/],
  [['score', mamba, '--text-file', 'F/nosuch'], /There is no such file/],
  [['score', mamba, '--text-file', 'F/empty'], /Wanted the name of a file; this is a folder/],
  [['score', mamba, '--text-file', 'F/binary'], /is no UTF-8 text/],
  [['score', mamba, '--ids', '1,2', '--logits', 'F/nosuch/file'], /There is no folder/],
  [[...capture, 'F/empty'], /this is a folder/],
  [[...capture, ''], /Wanted the name of a file\./],
  [[...capture, 'F/nosuch/file'], /There is no folder.*make it first/],
  [['capture', mamba, '--ids', '1', '--sites', 'nosuch', '--out', 'F/out'], /no site is called 'nosuch'.*blocks\.\*/],
  [['tokenize', mamba, 'x'], /has no tokenizer.json/],
  [['tokenize', 'granite-tiny', '--decode', '99999'], /token id 99999 does not exist/],
  [['tokenize', 'granite-tiny'], /a text or --decode/],
  [['pull', 'granite-tiny'], /ships with this package/],
  [['pull', '../x'], /is no hub id/],
  [['cache', 'rm', 'org/nosuch'], /the cache .* has no 'org\/nosuch'/],
  [['cache', 'verify', 'org/nosuch'], /the cache has no 'org\/nosuch'/],
];

test('misuse is told in one line on stderr, with exit code 2 and nothing on stdout', { timeout: 180_000 }, async () => {
  const ended = async ([args, told]: (typeof MISUSE)[number]) => {
    const here = args.map((arg) => arg.replace('F/', `${folder}/`));
    const { code, stdout, stderr } = await cli([...here, '--json'], { env: { HF_HUB_CACHE: folder } });
    expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
    expect(stderr).toMatch(/^portmanteau: [^\n]+\n$/);
    expect(stderr).toMatch(told);
  };
  const left = [...MISUSE];
  const worker = async () => {
    for (let next = left.shift(); next; next = left.shift()) await ended(next);
  };
  await Promise.all([worker(), worker()]);
});

test('damaged or missing files are failures, with exit code 1', { timeout: 30_000 }, async () => {
  const empty = join(folder, 'empty');
  const damaged = join(folder, 'damaged');
  mkdirSync(damaged);
  writeFileSync(join(damaged, 'config.json'), '{"model_type": "mamba"');
  const [none, broken, binary] = await Promise.all([
    cli(['run', empty, 'x', '--json']),
    cli(['info', damaged, '--json']),
    cli(['run', 'granite-tiny'], { input: Uint8Array.from([0xff, 0, 0x80]) }),
  ]);
  expect(none).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^portmanteau: .* no config.json.*\n$/),
  });
  expect(broken).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^portmanteau: .*config.json.*\n$/),
  });
  expect(binary).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('is no UTF-8 text') });
});

test('a hyphen in place of a text is the standard input', { timeout: 30_000 }, async () => {
  const [tokenized, scored, run, piped] = await Promise.all([
    cli(['tokenize', 'granite-tiny', '-'], { input: 'hi\n' }),
    cli(['score', 'granite-tiny', '--text-file', '-'], { input: 'hi\n' }),
    cli(['run', 'granite-tiny', '-', '-n', '5'], { input: 'The king' }),
    cli(['run', 'granite-tiny', '-n', '5'], { input: 'The king' }),
  ]);
  expect(tokenized).toMatchObject({ code: 0, stdout: '72,73\n', stderr: '' });
  expect(scored).toMatchObject({ code: 0, stderr: '' });
  expect(scored.stdout).toMatch(/^72 .*"h"\n73 .*"i"\n199 .*"\\n"\n/); // as of a file, with its line end
  expect(run).toEqual(piped);
  const none = await cli(['run', 'granite-tiny', '-']);
  expect(none).toMatchObject({ code: 2, stderr: expect.stringMatching(/standard input is empty/) });
});

test('help is folded to the width of the terminal, in paragraphs; examples stay as they are', async () => {
  const text = 'One two three\nfour five. Six\nseven.\nEight.\n\nExamples:\n  portmanteau run granite-tiny';
  expect(helpText(text, 14)).toBe(
    'One two three\nfour five. Six\nseven.\nEight.\n\nExamples:\n  portmanteau run granite-tiny',
  );
  expect(helpText(text, 40)).toBe(
    'One two three four five. Six seven.\nEight.\n\nExamples:\n  portmanteau run granite-tiny',
  );
  const { stdout } = await cli(['bench', '--help']);
  expect(stdout.split('\n').filter((line) => line.length > 80 && !line.startsWith(' '))).toEqual([]);
});

test('a cache without models is told by verify as by ls', async () => {
  const env = { HF_HUB_CACHE: join(folder, 'nosuch') };
  const [listed, verified] = await Promise.all([cli(['cache', 'ls'], { env }), cli(['cache', 'verify'], { env })]);
  expect(verified).toEqual({ code: 0, stdout: '', stderr: `no models in ${env.HF_HUB_CACHE}\n` });
  expect(listed).toEqual(verified);
});
