/** What `run` takes from a model's generation_config.json, how it samples, and seeds with which a text comes again. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cli, json } from './cli.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface RunResult {
  readonly ids: number[];
  readonly text: string;
  readonly seed?: number;
  readonly alternatives?: { id: number; text: string; logprob: number }[][];
}

/** A copy of granite-tiny with another generation_config.json. */
function modelWith(name: string, generation: string): string {
  const model = join(folder, name);
  cpSync(fileURLToPath(new URL('../../models/granite-tiny', import.meta.url)), model, { recursive: true });
  writeFileSync(join(model, 'generation_config.json'), generation);
  return model;
}

const PROMPT = 'Once there was a king who';
const PLAIN = [344, 547, 259, 600, 468, 363, 291, 274, 455, 89, 12, 270];

describe('generation_config.json', { timeout: 60_000 }, () => {
  test('of the reported case counts, until options say otherwise', async () => {
    const file = readFileSync('tests/fixtures/generation-config-penalty/generation_config.json', 'utf8');
    const model = modelWith('penalty', file);
    const run = async (...args: string[]) => (await json<RunResult>(['run', model, PROMPT, '-n', '12', ...args])).ids;
    expect(await run()).toEqual([344, 547, 298, 260, 1006, 14, 199, 343, 724, 654, 12, 607]);
    expect(await run('--no-generation-config')).toEqual(PLAIN);
    expect(await run('--repetition-penalty', '1', '--generation-config', '{"suppress_tokens": null}')).toEqual(PLAIN);
    const { generation } = await json<{ generation: object }>(['info', model]);
    expect(generation).toMatchObject({
      source: 'generation_config.json',
      samples: false,
      options: { repetitionPenalty: 1.3, suppressTokens: [328] },
    });
    const { stdout } = await cli(['info', model]);
    expect(stdout).toMatch(
      /\ngeneration\n {2}next token +the most likely.*\n {2}repetitionPenalty +1.3\n {2}suppressTokens +\[328\]\n/,
    );
  });

  test('that samples draws with a seed that is told, and can be kept from it', async () => {
    const model = modelWith(
      'sampling',
      '{"do_sample": true, "temperature": 3.0, "max_new_tokens": 12, "num_beams": 3}',
    );
    const drawn = await cli(['run', model, PROMPT, '--stats']);
    expect(drawn.stderr).toMatch(/^warning: generation_config.json sets num_beams: 3, which this library does not do/);
    const [, seed] = /\nseed +(\d+), chosen at random; the same text comes with --seed \1\n/.exec(drawn.stderr) ?? [];
    expect(seed).toBeDefined();
    const [again, greedy, info] = await Promise.all([
      cli(['run', model, PROMPT, '--seed', seed as string]),
      json<RunResult>(['run', model, PROMPT, '--temperature', '0']),
      cli(['info', model]),
    ]);
    expect(again.stdout).toBe(drawn.stdout);
    expect(greedy.ids).toEqual(PLAIN);
    expect(info.stdout).toMatch(/next token +drawn at random: without --seed, each run gives another text\n/);
    expect(info.stdout).toMatch(/not done +num_beams: 3\n/);
  });

  test('a seed that nothing is drawn with is told, and is of use where something is', async () => {
    const run = (...args: string[]) => cli(['run', 'granite-tiny', PROMPT, '-n', '3', '--seed', '5', ...args]);
    const [greedy, asked, sampled, none] = await Promise.all([
      run(),
      run('--temperature', '0', '--json'),
      run('--temperature', '1'),
      run('-n', '0'),
    ]);
    for (const { code, stderr } of [greedy, asked]) {
      expect(code).toBe(0);
      expect(stderr).toMatch(/^note: --seed had no effect, .* --temperature above 0 turns on sampling\n$/);
    }
    for (const { code, stderr } of [sampled, none]) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('with a bad value is a failure that names it, where it matters', async () => {
    const model = modelWith('bad', '{"temperature": "hot"}');
    const [bad, without, scored] = await Promise.all([
      cli(['run', model, PROMPT]),
      cli(['run', model, PROMPT, '-n', '1', '--no-generation-config']),
      cli(['score', model, '--text', PROMPT]),
    ]);
    expect(bad).toMatchObject({ code: 1, stdout: '' });
    expect(bad.stderr).toMatch(/generation_config.json has 'temperature': "hot", wanted .*--no-generation-config/);
    expect(without).toMatchObject({ code: 0, stderr: '' });
    expect(scored).toMatchObject({ code: 0, stderr: '' });
  });

  test('is replaced by a JSON object only', async () => {
    for (const text of ['[1]', 'x', '5', 'null']) {
      const { code, stderr } = await cli(['run', 'granite-tiny', PROMPT, '--generation-config', text]);
      expect([code, stderr]).toEqual([2, expect.stringMatching(/Wanted a JSON object/)]);
    }
  });
});

describe('sampling', { timeout: 60_000 }, () => {
  const run = (...args: string[]) => json<RunResult>(['run', 'granite-tiny', PROMPT, '-n', '12', ...args]);

  test('is not turned on by what leaves nothing out', async () => {
    for (const args of [
      ['--top-k', '0'],
      ['--top-p', '1'],
      ['--min-p', '0'],
      ['--seed', '5'],
      ['--top-p', '0.5', '--temperature', '0'],
    ]) {
      const result = await run(...args);
      expect({ args, ids: result.ids }).toEqual({ args, ids: PLAIN });
      expect(result).not.toHaveProperty('seed');
    }
  });

  test('is turned on by what leaves something out, with a seed that gives the text again', async () => {
    const drawn = await run('--top-p', '0.99');
    expect(Number.isSafeInteger(drawn.seed)).toBe(true);
    expect(await run('--top-p', '0.99', '--seed', `${drawn.seed}`)).toEqual(drawn);
    expect((await run('--temperature', '2', '--seed', '7')).seed).toBe(7);
    expect((await run('--temperature', '2')).seed).not.toBe((await run('--temperature', '2')).seed);
  });
});

test('alternatives have their text, and more digits than an f32', { timeout: 60_000 }, async () => {
  const { alternatives } = await json<RunResult>(['run', 'granite-tiny', PROMPT, '-n', '2', '--alternatives', '2']);
  expect(alternatives).toHaveLength(2);
  expect(alternatives?.[0]?.map(({ id, text }) => [id, text])).toEqual([
    [344, ' had'],
    [expect.any(Number), expect.stringMatching(/./)],
  ]);
  const logprobs = alternatives!.flat().map(({ logprob }) => logprob);
  expect(logprobs.some((logprob) => logprob !== Math.fround(logprob))).toBe(true);
  type Scored = { tokens: { alternatives?: { id: number; text: string; logprob: number }[] }[] };
  const { tokens } = await json<Scored>(['score', 'granite-tiny', '--text', `${PROMPT} had`, '--top', '2']);
  const last = tokens.at(-1)?.alternatives;
  expect(last?.map(({ id, text }) => [id, text])).toEqual(alternatives?.[0]?.map(({ id, text }) => [id, text]));
  for (const [i, { logprob }] of last!.entries()) expect(logprob).toBeCloseTo(alternatives![0]![i]!.logprob, 4);
});

test('tokenize, score and capture read standard input when they are given no text', { timeout: 60_000 }, async () => {
  const input = 'A king,\nand his son.\n';
  const text = input.trimEnd();
  const out = join(folder, 'captured.safetensors');
  const capture = ['capture', 'granite-tiny', '--sites', 'hidden', '--out', out];
  const [ids, given, scored, wanted, captured, decoded] = await Promise.all([
    json(['tokenize', 'granite-tiny'], { input }),
    json(['tokenize', 'granite-tiny', text]),
    json(['score', 'granite-tiny'], { input }),
    json(['score', 'granite-tiny', '--text', text]),
    json<{ tensors: { shape: number[] }[] }>(capture, { input }),
    cli(['tokenize', 'granite-tiny', '--decode', '47,78'], { input: 'not read' }),
  ]);
  expect(ids).toEqual(given);
  expect(scored).toEqual(wanted);
  expect(captured.tensors[0]?.shape[0]).toBe((given as { ids: number[] }).ids.length);
  expect(decoded.stdout).toBe('On\n');
});
