import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { readSafetensors } from '../../src/checkpoint/safetensors.ts';
import { readGolden } from '../goldens.ts';
import { cli, golden, json } from './cli.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface RunResult {
  readonly promptIds: number[];
  readonly ids: number[];
  readonly text?: string;
  readonly logprobs: number[];
  readonly alternatives?: { id: number; logprob: number }[][];
  readonly finishReason: string;
  readonly stats?: Record<string, number | null>;
}

interface ScoreResult {
  readonly tokens: { id: number; text: string; logprob: number | null; alternatives?: unknown[] }[];
  readonly sumLogprob: number;
  readonly perplexity: number | null;
}

async function readTensors(file: string) {
  const source = (await localFolder(folder).open(file))!;
  const tensors = new Map<string, { shape: readonly number[]; dtype: string; data: Float32Array }>();
  for (const tensor of await readSafetensors(source)) {
    const bytes = new Uint8Array(tensor.byteLength);
    await tensor.read(0, bytes);
    tensors.set(tensor.name, { shape: tensor.shape, dtype: tensor.dtype, data: new Float32Array(bytes.buffer) });
  }
  await source.close();
  return tensors;
}

describe('run', { timeout: 30_000 }, () => {
  test('a checkpoint without a tokenizer continues ids with the ids of the reference, as text and as JSON', async () => {
    const { folder, ids, greedy } = await readGolden('mamba-odd');
    const args = ['run', folder, '--ids', ids.join(','), '-n', '8', '--weights', 'f32'];
    const [text, result] = await Promise.all([
      cli(args),
      json<RunResult>([...args, '--threads', '1', '--stats', '--alternatives', '2']),
    ]);
    const wanted = greedy.slice(0, 8);
    expect(text).toEqual({ code: 0, stdout: `${wanted.join(',')}\n`, stderr: '' });
    expect(result).toMatchObject({ promptIds: ids, ids: wanted, finishReason: 'length' });
    expect(result).not.toHaveProperty('text');
    expect(result.logprobs).toHaveLength(8);
    expect(result.alternatives?.map(([best]) => best?.id)).toEqual(wanted);
    const { loadMs, promptTokens, newTokens, prefillTokensPerSecond, decodeTokensPerSecond, peakBytes } = result.stats!;
    expect([promptTokens, newTokens]).toEqual([ids.length, 8]);
    expect(Math.min(loadMs!, prefillTokensPerSecond!, decodeTokensPerSecond!)).toBeGreaterThan(0);
    expect(peakBytes).toBeGreaterThan(20e6);
  });

  test('prints what follows the prompt, which may come from standard input, with stats on stderr', async () => {
    const options = ['-n', '6', '--temperature', '0.7', '--seed', '1e3', '--ignore-end'];
    const [given, piped, result] = await Promise.all([
      cli(['run', 'granite-tiny', 'Once upon a time', ...options]),
      cli(['run', 'granite-tiny', '--stats', ...options], { input: 'Once upon a time\n' }),
      json<RunResult>(['run', 'granite-tiny', 'Once upon a time', ...options]),
    ]);
    expect(given).toEqual({ code: 0, stdout: `${result.text}\n`, stderr: '' });
    expect(piped.stdout).toBe(given.stdout);
    expect(piped.stderr).toMatch(/^load .* s\nprefill .*tokens\/s\ndecode .*tokens\/s\npeak memory .* MB\n$/);
    expect(result.ids).toHaveLength(6);
  });

  test('a text that begins with a dash comes after --, and no new token is a text of its own', async () => {
    const [none, nothing] = await Promise.all([
      cli(['run', 'granite-tiny', '-n', '0', '--', '-1']),
      json<RunResult>(['run', 'granite-tiny', 'x', '-n', '0', '--stats']),
    ]);
    expect(none).toEqual({ code: 0, stdout: '\n', stderr: '' });
    expect(nothing).toMatchObject({ ids: [], text: '', stats: { newTokens: 0, prefillTokensPerSecond: null } });
  });

  test('ids that a bias forbids do not come, and a stop text ends the text before it', async () => {
    const run = (...args: string[]) => json<RunResult>(['run', 'granite-tiny', 'The', '-n', '12', ...args]);
    const free = await run();
    const first = free.ids[0] as number;
    const stop = [...free.text!].slice(3, 5).join('');
    const [biased, stopped] = await Promise.all([
      run('--logit-bias', `${first}:-inf`, '--logit-bias', '3:-5'),
      run('--stop', stop, '--stop', 'never comes'),
    ]);
    expect(biased.ids[0]).not.toBe(first);
    expect(stopped).toMatchObject({ text: free.text!.slice(0, free.text!.indexOf(stop)), finishReason: 'stop' });
  });
});

test('a saved state costs the rest of a prompt only, and changes nothing', { timeout: 30_000 }, async () => {
  const run = (model: string, prompt: string, ...args: string[]) =>
    json<RunResult>(['run', model, prompt, '--ignore-end', '--stats', ...args]);
  const fileOf = (model: string) => join(folder, `${model}.safetensors`);
  for (const model of ['granite-tiny', 'mamba-tiny']) {
    const file = fileOf(model);
    await run(model, 'Once upon a time', '-n', '0', '--save-state', file);
    const [wanted, given] = await Promise.all([
      run(model, 'Once upon a time there was', '-n', '5'),
      run(model, 'Once upon a time there was', '-n', '5', '--load-state', file),
    ]);
    expect({ ...given, stats: 0 }).toEqual({ ...wanted, stats: 0 });
    expect(given.stats!.cachedTokens).toBeGreaterThan(0);
    expect(given.stats!.promptTokens).toBe(wanted.promptIds.length);
    const unlike = await cli(['run', model, 'zebra', '-n', '1', '--load-state', file]);
    expect(unlike).toMatchObject({ code: 0, stderr: expect.stringMatching(/^warning: .* of another text/) });
  }
  const wrong = await cli(['run', 'granite-tiny', 'Once', '--load-state', fileOf('mamba-tiny')]);
  expect(wrong).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/another model: it is of mamba, and this is granite/),
  });
});

describe('score', { timeout: 30_000 }, () => {
  test('log-probabilities, their sum and the perplexity are those of the logits that it writes', async () => {
    const { folder: model, ids, sites } = await readGolden('granite-tied');
    const file = join(folder, 'logits.safetensors');
    const result = await json<ScoreResult>([
      ...['score', model, '--ids', ids.join(','), '--weights', 'f32', '--top', '3', '--logits', file],
    ]);
    const logits = (await readTensors('logits.safetensors')).get('logits')!;
    const wanted = sites.get('logits')!;
    const vocabSize = wanted.shape[1] as number;
    expect(logits).toMatchObject({ dtype: 'F32', shape: [ids.length, vocabSize] });
    for (const [i, value] of logits.data.entries()) expect(value).toBeCloseTo(wanted.data[i] as number, 3);
    expect(result.tokens.map(({ id }) => id)).toEqual(ids);
    expect(result.tokens[0]!.logprob).toBeNull();
    let sum = 0;
    for (const [i, { id, logprob, alternatives }] of result.tokens.entries()) {
      if (logprob === null) continue;
      const row = logits.data.subarray((i - 1) * vocabSize, i * vocabSize);
      const total = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
      expect(logprob).toBeCloseTo((row[id] as number) - total, 4);
      expect(alternatives).toHaveLength(3);
      sum += logprob;
    }
    expect(result.sumLogprob).toBeCloseTo(sum, 6);
    expect(result.perplexity).toBeCloseTo(Math.exp(-sum / (ids.length - 1)), 4);
  });

  test('takes text from an option or a file, every character of it, and says the same for people', async () => {
    const text = 'Une forêt,\n✓ 🦊\n';
    const file = join(folder, 'text.txt');
    writeFileSync(file, text);
    const [given, fromFile, sheet] = await Promise.all([
      json<ScoreResult>(['score', 'backpack-tiny', '--text', text]),
      json<ScoreResult>(['score', 'backpack-tiny', '--text-file', file]),
      cli(['score', 'backpack-tiny', '--text-file', file, '--top', '1']),
    ]);
    expect(fromFile).toEqual(given);
    const lines = sheet.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(given.tokens.length + 2);
    expect(lines.at(-2)).toBe(`sum         ${given.sumLogprob.toFixed(6)}`);
    expect(lines.at(-1)).toBe(`perplexity  ${given.perplexity!.toFixed(6)}`);
  });

  test('compares formats of weights, and says what that takes before it loads them', async () => {
    const args = ['score', 'mamba-tiny', '--text', 'The king took his sword.', '--compare', 'f32'];
    const [same, other, sheet, ...wrong] = await Promise.all([
      json<Record<string, number>>([...args, '--weights', 'f32']),
      json<Record<string, number>>([...args, '--weights', 'bf16', '--window', '4']),
      cli([...args, '--weights', 'bf16', '--window', '4']),
      cli([...args, '--window', '1']),
      cli([...args, '--top', '2']),
    ]);
    expect(same).toMatchObject({ weights: 'f32', reference: 'f32', klMean: 0, kl99: 0, klMax: 0, sameTop: 1 });
    expect(other).toMatchObject({ weights: 'bf16', window: 4 });
    expect(other.klMax).toBeGreaterThan(0);
    expect(other.tokens).toBe(same.tokens! + 1 - other.windows!);
    expect(sheet.stdout).toContain(`${other.perplexity!.toFixed(6)} as bf16`);
    expect(sheet.stderr).toMatch(/^loads both at once: .* MB for the weights as bf16, .* MB as f32\n$/);
    for (const { code, stderr } of wrong) expect([code, stderr]).toEqual([2, expect.stringMatching(/window|--top/)]);
  });

  test('one token has no probability, and no perplexity', async () => {
    const result = await json<ScoreResult>(['score', golden('mamba-odd'), '--ids', '1']);
    const windows = { window: 1, stride: 1, windows: 1 };
    expect(result).toEqual({
      ...{ tokens: [{ id: 1, text: '', logprob: null }], sumLogprob: 0, perplexity: null },
      ...windows,
    });
  });
});

test('capture writes the sites that its patterns name, in the numbers of the reference', {
  timeout: 30_000,
}, async () => {
  const { folder: model, ids, sites } = await readGolden('llama-dense');
  const out = join(folder, 'captured.safetensors');
  const patterns = ['--sites', 'blocks.*.residPost', '--sites', 'hidden'];
  const args = ['capture', model, '--ids', ids.join(','), ...patterns, '--out', out, '--weights', 'f32'];
  const [{ tensors }] = [await json<{ tensors: { name: string; shape: number[] }[] }>(args)];
  const stored = await readTensors('captured.safetensors');
  expect([...stored.keys()].sort()).toEqual(tensors.map(({ name }) => name).sort());
  expect(stored.size).toBeGreaterThan(2);
  for (const [name, { shape, data }] of stored) {
    const wanted = sites.get(name)!;
    expect(shape).toEqual(wanted.shape);
    for (const [i, value] of data.entries()) expect(value).toBeCloseTo(wanted.data[i] as number, 3);
  }
});

test('info tells the same to people and programs', { timeout: 30_000 }, async () => {
  const [sheet, d] = await Promise.all([
    cli(['info', 'granite-tiny']),
    json<{
      family: string;
      parameters: number;
      parts: { parameters: number }[];
      files: { name: string; bytes: number }[];
      weightBytes: Record<string, number>;
      peakBytes: Record<string, number>;
      sites: { name: string }[];
    }>(['info', 'granite-tiny']),
  ]);
  expect(sheet).toMatchObject({ code: 0, stderr: '' });
  expect(sheet.stdout).toContain(`${d.family}, ${d.parameters.toLocaleString('en')} parameters`);
  expect(d.parts.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(d.parameters);
  expect(d.files.map(({ name }) => name)).toContain('model.safetensors');
  expect(d.weightBytes.f32).toBeGreaterThan(1.9 * d.weightBytes.bf16!);
  for (const [format, bytes] of Object.entries(d.weightBytes)) expect(d.peakBytes[format]).toBeGreaterThan(bytes);
  for (const { name } of d.sites) expect(sheet.stdout).toContain(name.replace(/\.\d+\./, '.*.'));
});

test('tokenize and tokenize --decode undo each other', { timeout: 30_000 }, async () => {
  const text = 'Der Fuchs 🦊\tspringt…';
  const { ids, pieces } = await json<{ ids: number[]; pieces: string[] }>(['tokenize', 'granite-tiny', text]);
  const [listed, decoded] = await Promise.all([
    cli(['tokenize', 'granite-tiny', text]),
    cli(['tokenize', 'granite-tiny', '--decode', ids.join(',')]),
  ]);
  expect(listed.stdout).toBe(`${ids.join(',')}\n`);
  expect(decoded.stdout).toBe(`${text}\n`);
  expect(pieces).toHaveLength(ids.length);
});

test('every command has a help with an example of itself', { timeout: 30_000 }, async () => {
  const commands = ['run', 'score', 'capture', 'info', 'tokenize', 'pull', 'cache', 'doctor'];
  const helps = await Promise.all(commands.map((name) => cli([name, '--help'])));
  for (const [i, { code, stdout, stderr }] of helps.entries()) {
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`Examples?:\n.*portmanteau ${commands[i]} `));
  }
});
