/** `eval`: results, files, what is refused, and runs that are killed. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { answerRequests, fromPretrained, prepareEvaluation } from '../../src/node.ts';
import { cli, json } from './cli.ts';
import { answersIn, killed, TASK, taskFolder, writtenIn } from './evaluations.ts';

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let tasks: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'eval-'));
  tasks = taskFolder(join(folder, 'tasks'), 60);
});
afterAll(() => rmSync(folder, { recursive: true }));

const args = (...more: string[]) => [
  ...['eval', 'granite-tiny', '--tasks', TASK, '--include-path', tasks, '--threads', '1'],
  ...more,
];

describe('results', () => {
  it('are a table, and with --json what the file has', async () => {
    const { stdout, code } = await cli(args('--limit', '9'));
    expect(code).toBe(0);
    const [head, , acc, norm] = stdout.split('\n');
    expect(head).toMatch(/^\|Tasks *\|Version\|Filter\|n-shot\|Metric *\| *\| *Value\| *\|Stderr\|$/);
    expect(acc).toMatch(/^\|endings\| +1\|none +\| +0\|acc +\|↑\|0\.\d{4}\|±\|0\.\d{4}\|$/);
    expect(norm).toMatch(/^\| +\| +\|none +\| +0\|acc_norm\|/);
    const out = join(folder, 'json');
    const results = await json<{ results: object }>(args('--limit', '9', '--output-path', out));
    const [name = ''] = readdirSync(join(out, 'granite-tiny'));
    expect(name).toMatch(/^results_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d+\.json$/);
    expect(JSON.parse(readFileSync(join(out, 'granite-tiny', name), 'utf8'))).toEqual(results);
    expect(results.results).toMatchObject({ endings: { sample_len: 9 } });
  });

  it('of several formats are told apart, and can be compared', async () => {
    const out = join(folder, 'formats');
    const { stdout } = await cli(args('--limit', '9', '--weights', 'f32,q8', '--output-path', out, '--log-samples'));
    expect(stdout).toMatch(/^weights f32\n\|Tasks.*\nweights q8\n\|Tasks/s);
    const [a, b] = ['f32', 'q8'].map((format) => join(out, `granite-tiny__${format}`)) as [string, string];
    const { compared } = await json<{ compared: { metric: string; documents: number }[] }>(['eval', 'compare', a, b]);
    expect(compared.map(({ metric, documents }) => [metric, documents])).toEqual([
      ['acc', 9],
      ['acc_norm', 9],
    ]);
  });
});

describe('refused, with exit code 2 and before anything is loaded,', () => {
  it.each([
    ['no model', ['eval'], /needs a model/],
    ['no task', ['eval', 'granite-tiny'], /needs --tasks/],
    ['a model that does not exist', ['eval', './no-model', '--tasks', 'arc_eazy'], /no-model/],
    ['a model that does not exist, before tasks', ['eval', './no-model', '--tasks', 'arc_easy'], /no-model/],
    ['an unknown task', ['eval', 'granite-tiny', '--tasks', 'arc_eazy'], /arc_eazy/],
    ['an unknown preset', ['eval', 'granite-tiny', '--preset', 'mamba-7b'], /did you mean 'mamba-7b-rw'/],
    ['--resume without a folder', ['eval', 'granite-tiny', '--tasks', 'arc_easy', '--resume'], /--output-path/],
    ['--log-samples without a folder', ['eval', 'granite-tiny', '--tasks', 'a', '--log-samples'], /--output-path/],
    ['an unknown format', ['eval', 'granite-tiny', '--tasks', 'a', '--weights', 'f32,q9'], /q9/],
    ['a format twice', ['eval', 'granite-tiny', '--tasks', 'a', '--weights', 'f32,f32'], /twice/],
    ['three seeds', ['eval', 'granite-tiny', '--tasks', 'a', '--seed', '1,2,3'], /one seed, or four/],
    ['no limit', ['eval', 'granite-tiny', '--tasks', 'a', '--limit', '0'], /above 0/],
    ['a softmax of another type', ['eval', 'granite-tiny', '--tasks', 'a', '--softmax-dtype', 'f16'], /bf16/],
    ['no samples', ['eval', 'compare', tmpdir(), tmpdir()], /there are no samples/],
  ])('%s', async (_, command, message) => {
    const { code, stderr, stdout } = await cli(command);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });
});

describe('a changed model', () => {
  const FOLDER = fileURLToPath(new URL('../fixtures/evaluation/models/backpack', import.meta.url));
  const run = async (name: string, ...more: string[]) => {
    const out = join(folder, name);
    const all = ['eval', FOLDER, '--tasks', TASK, '--include-path', tasks, '--threads', '1', '--weights', 'f32'];
    const { config } = await json<{ config: Record<string, unknown> }>([
      ...[...all, '--limit', '4', '--log-samples', '--output-path', out],
      ...more,
    ]);
    const [inner = ''] = readdirSync(out);
    const [, samples = ''] = readdirSync(join(out, inner)).sort();
    const rows = readFileSync(join(out, inner, samples), 'utf8')
      .trimEnd()
      .split('\n');
    return { config, answers: rows.flatMap((row) => numbersOf(JSON.parse(row).resps)) };
  };
  /** [[['-1.5', 'False']], ...] -> [-1.5, ...] */
  const numbersOf = (resps: string[][][]) => resps.map(([answer]) => Number(answer?.[0]));

  it('answers by interventions, as when the library is asked, and the results tell of them', async () => {
    const file = join(folder, 'interventions.json');
    const interventions = [{ site: 'blocks.1.mlpOut', scale: 0.25 }];
    writeFileSync(file, JSON.stringify({ version: 1, interventions }));
    const plain = await run('plain');
    const changed = await run('changed', '--interventions', file);
    expect(changed.config).toMatchObject({ interventions: file });
    await using model = await fromPretrained(FOLDER, { threads: 1, weights: 'f32' });
    const { tasks: prepared } = await prepareEvaluation({ tasks: [TASK], includePath: tasks, limit: 4 });
    const requests = prepared[0]?.instances.map(({ request }) => request) ?? [];
    const own: number[] = [];
    for await (const one of answerRequests(model, requests, { interventions }))
      if ('answer' in one && one.answer.kind === 'loglikelihood') own[one.index] = one.answer.logProbability;
    // The command turns on what the engine has behind flags, so kernels may round otherwise.
    for (const [i, answer] of changed.answers.entries())
      expect(Math.abs(answer - (own[i] as number))).toBeLessThan(1e-3);
    expect(Math.max(...own.map((answer, i) => Math.abs(answer - (plain.answers[i] as number))))).toBeGreaterThan(0.1);
  });

  it('answers by an adapter, nearly as when it is merged', async () => {
    const adapter = join(folder, 'adapter');
    writeAdapter(adapter);
    const adapted = await run('adapted', '--adapter', adapter);
    expect(adapted.config).toMatchObject({ adapter });
    const merged = join(folder, 'merged');
    expect((await cli(['adapter', 'merge', FOLDER, adapter, '--out', merged, '--weights', 'f32'])).code).toBe(0);
    const model = await fromPretrained(merged, { threads: 1, weights: 'f32', tokenizer: FOLDER });
    const { tasks: prepared } = await prepareEvaluation({ tasks: [TASK], includePath: tasks, limit: 4 });
    const requests = prepared[0]?.instances.map(({ request }) => request) ?? [];
    const plain = (await run('plain-again')).answers;
    let most = 0;
    for await (const one of answerRequests(model, requests)) {
      if (!('answer' in one) || one.answer.kind !== 'loglikelihood') throw new Error('no answer');
      const { logProbability } = one.answer;
      most = Math.max(most, Math.abs(logProbability - (plain[one.index] as number)));
      expect(Math.abs(logProbability - (adapted.answers[one.index] as number))).toBeLessThan(2e-3);
    }
    expect(most).toBeGreaterThan(0.1);
    await model.dispose();
  });
});

/** A LoRA of rank 1 for one matrix of the fixture, as PEFT writes it. */
function writeAdapter(to: string): void {
  mkdirSync(to);
  const target_modules = ['attn.c_attn'];
  const config = { peft_type: 'LORA', r: 1, lora_alpha: 2, target_modules, bias: 'none', fan_in_fan_out: true };
  writeFileSync(join(to, 'adapter_config.json'), JSON.stringify(config));
  const at = (layer: number, part: string) =>
    `base_model.model.backpack.gpt2_model.h.${layer}.attn.c_attn.lora_${part}.weight`;
  const header: Record<string, object> = {};
  const numbers: number[] = [];
  for (const layer of [0, 1])
    for (const [part, shape] of [
      ['A', [1, 24]],
      ['B', [72, 1]],
    ] as const) {
      const [rows, columns] = shape;
      const begin = 4 * numbers.length;
      for (let i = 0; i < rows * columns; i++) numbers.push(Math.sin(i + layer) / 2);
      header[at(layer, part)] = { dtype: 'F32', shape, data_offsets: [begin, 4 * numbers.length] };
    }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new BigUint64Array([BigInt(text.length)]);
  writeFileSync(
    join(to, 'adapter_model.safetensors'),
    Buffer.concat([Buffer.from(length.buffer), text, Buffer.from(new Float32Array(numbers).buffer)]),
  );
}

it('a run that is killed again and again ends as one that was not', async () => {
  const out = (name: string) => [...args('--log-samples'), '--output-path', join(folder, name)];
  await cli(out('whole'));
  const killedRun = [...out('killed'), '--resume'];
  const journal = join(folder, 'killed', 'granite-tiny');
  for (const count of [1, 50, 120]) {
    const { code } = await killed(killedRun, () => answersIn(journal) >= count);
    expect(code).toBeNull();
  }
  const kept = answersIn(journal);
  expect(kept).toBeGreaterThanOrEqual(120);
  const refused = await cli(out('killed'));
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--resume')]);
  expect((await cli(killedRun)).code).toBe(0);
  expect(writtenIn(journal)).toEqual(writtenIn(join(folder, 'whole', 'granite-tiny')));
});
