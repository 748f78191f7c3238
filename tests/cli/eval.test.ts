/** `eval`: results, files, what is refused, and runs that are killed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
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
    ['an unknown task', ['eval', 'granite-tiny', '--tasks', 'arc_eazy'], /arc_eazy/],
    ['an unknown preset', ['eval', 'granite-tiny', '--preset', 'mamba-7b'], /did you mean 'mamba-7b-rw'/],
    ['--resume without a folder', ['eval', 'granite-tiny', '--tasks', 'arc_easy', '--resume'], /--output-path/],
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
