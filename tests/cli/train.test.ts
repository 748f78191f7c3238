/** `portmanteau train`, as users run it. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lines, Report } from '../../src/figures/figure.ts';
import { cli, golden, json, main, start } from './cli.ts';

const STEPS = 20;
let work: string;
let config: string;
let whole: Result;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'train-'));
  config = join(work, 'config.json');
  const ids = Array.from({ length: 7 }, (_, i) => [3 + i, 17 - i, 5, 9 + i, 2]);
  writeFileSync(
    config,
    JSON.stringify({
      ...{ model: golden('llama-dense'), data: { ids }, batch: 2, steps: STEPS, clip: 1, zLoss: 1e-4 },
      optimizer: { name: 'adamw', lr: 0.003, weightDecay: 0.1 },
      schedule: { name: 'cosine', warmup: 3 },
      checkpoint: { every: 3 },
    }),
  );
  const { code, stderr } = await cli(['train', config, '--out', join(work, 'whole')]);
  expect(code, stderr).toBe(0);
  whole = resultOf('whole');
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Result {
  readonly weights: string;
  readonly moments: string;
  readonly metrics: readonly object[];
}

/** Times differ from run to run. */
function resultOf(name: string): Result {
  const digest = (file: string) =>
    createHash('sha256')
      .update(readFileSync(join(work, name, file)))
      .digest('hex');
  const lines = readFileSync(join(work, name, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');
  return {
    weights: digest('model.safetensors'),
    moments: digest(`checkpoints/step-000000${STEPS}/optimizer.safetensors`),
    metrics: lines.map((line) => ({ ...(JSON.parse(line) as object), seconds: 0 })),
  };
}

it('keeps the last checkpoints, writes a line per step and a model that runs', async () => {
  expect(whole.metrics).toHaveLength(STEPS);
  expect(readdirSync(join(work, 'whole/checkpoints'))).toEqual(['step-00000018', 'step-00000020']);
  const { code } = await cli(['run', join(work, 'whole'), '--ids', '3,17', '--max-new-tokens', '2']);
  expect(code).toBe(0);
});

it('draws the run, while it goes on and when it has ended', async () => {
  const run = join(work, 'whole');
  const [page, again] = [join(work, 'page.html'), join(work, 'again.html')];
  const { code, stderr } = await cli(['train', config, '--set', 'steps=4', '--plot', page]);
  expect(code, stderr).toBe(0);
  const reportIn = (file: string) =>
    JSON.parse(/id="report">(.*?)<\/script>/s.exec(readFileSync(file, 'utf8'))?.[1] ?? '') as Report;
  const lossOf = ({ figures }: Report) => figures.find(({ title }) => title === 'Loss') as Lines;
  const losses = (whole.metrics as { loss: number }[]).map(({ loss }) => loss);
  expect(lossOf(reportIn(page)).series[0]?.values).toEqual(losses.slice(0, 4));

  const told = await json<{ steps: number; best: unknown }>(['train', 'plot', run, '--html', again]);
  expect(told).toMatchObject({ steps: STEPS, best: null, loss: losses.at(-1) });
  expect(lossOf(reportIn(again)).series[0]?.values).toEqual(losses);
  expect((await cli(['train', 'plot', work])).stderr).toContain('wanted the folder of a run');
  writeFileSync(join(work, 'other.jsonl'), '{"text":"a"}\n');
  expect((await cli(['train', 'plot', join(work, 'other.jsonl')])).stderr).toMatch(/line 1 of .* has no metrics/);
});

it('gives the same bits when it is killed again and again, and resumed', async () => {
  const out = join(work, 'killed');
  for (let kills = 0; kills < 3; kills++) {
    const { child, ended } = start(['train', config, '--out', out, '--resume']);
    await sleep(400 + 900 * Math.random());
    child.kill('SIGKILL');
    await ended;
  }
  const { code, stderr } = await cli(['train', config, '--out', out, '--resume']);
  expect(code, stderr).toBe(0);
  expect(resultOf('killed')).toEqual(whole);
});

it('saves after Ctrl-C, and says how to go on', async () => {
  const out = join(work, 'stopped');
  const { child, ended } = start(['train', config, '--out', out, '--set', 'checkpoint=null', '--set', 'steps=100000']);
  await new Promise((resolve) => child.stderr.once('data', resolve));
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(code).toBe(130);
  expect(stderr).toMatch(
    /stopped after \d+ steps, which are saved; go on with: portmanteau train .*training\.json --resume/,
  );
  expect(readdirSync(join(out, 'checkpoints'))).toHaveLength(1);
});

it('goes on although the checkpoint that it went on from is removed', async () => {
  const out = join(work, 'resumed');
  const settings = ['--set', 'checkpoint={"every":3,"keep":1}', '--set', 'steps=60'];
  const { child, ended } = start(['train', config, '--out', out, ...settings]);
  await new Promise((resolve) => child.stderr.once('data', resolve));
  child.kill('SIGINT');
  await ended;
  const { code, stderr } = await cli(['train', config, '--out', out, '--resume', ...settings]);
  expect(code, stderr).toBe(0);
  expect(readdirSync(join(out, 'checkpoints'))).toEqual(['step-00000060']);
  expect(readdirSync(join(out, 'checkpoints/step-00000060'))).toContain('config.json');
});

it('reads longer texts in a later stage whose model has a longer context', async () => {
  const out = join(work, 'stages');
  const file = join(work, 'stages.json');
  const stages = [
    { steps: 1, sequence: 16 },
    { steps: 1, sequence: 600, config: { max_position_embeddings: 1024 } },
  ];
  const data = { texts: [Array(700).fill('king').join(' ')] };
  const optimizer = { name: 'adamw', lr: 0.001 };
  writeFileSync(
    file,
    JSON.stringify({ model: 'granite-tiny', data, stages, optimizer, checkpoint: { every: 1 }, out }),
  );
  const { code, stderr } = await cli(['train', file]);
  expect(code, stderr).toBe(0);
  const lines = readFileSync(join(out, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { tokens: number }).tokens)).toEqual([16, 600]);
});

it('lets the model write during the run, and writes the same after --resume', async () => {
  const out = join(work, 'samples');
  const file = join(work, 'samples.json');
  const optimizer = { name: 'adamw', lr: 0.01 };
  const data = { ids: [[300, 17, 5, 90]] };
  writeFileSync(file, JSON.stringify({ model: 'granite-tiny', data, steps: 4, optimizer, checkpoint: { every: 2 } }));
  const args = ['train', file, '--out', out, '--sample-prompt', 'The king', '--sample-prompt', 'A dog'];
  const { code, stderr } = await cli([...args, '--sample-every', '3', '--set', 'samples.maxNewTokens=5']);
  expect(code, stderr).toBe(0);
  const samples = () =>
    readFileSync(join(out, 'metrics.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { samples?: { prompt: string; text: string }[] }).samples);
  const whole = samples();
  expect(whole.map((some) => some?.map(({ prompt }) => prompt))).toEqual([
    ...[undefined, undefined],
    ['The king', 'A dog'],
    ['The king', 'A dog'],
  ]);
  expect(stderr).toContain(`  The king${whole[2]?.[0]?.text.split('\n')[0]}`);

  rmSync(join(out, 'checkpoints/step-00000004'), { recursive: true });
  const resumed = await cli(['train', join(out, 'training.json'), '--resume']);
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(samples()).toEqual(whole);
});

it("writes a plan for Python's trainers, with the checkpoint as it is", async () => {
  const [file, out] = [join(work, 'plan.json'), join(work, 'plan')];
  writeFileSync(join(work, 'plan.txt'), 'Once upon a time there was a king. '.repeat(40));
  const data = { files: [join(work, 'plan.txt')], sequence: 16, cache: join(work, 'tokens') };
  const optimizer = { name: 'adamw', lr: 0.001 };
  writeFileSync(file, JSON.stringify({ model: 'granite-tiny', data, steps: 3, optimizer }));
  const { code, stderr } = await cli(['train', file, '--export-plan', out]);
  expect(code, stderr).toBe(0);
  expect(readdirSync(out)).toEqual(
    expect.arrayContaining(['config.json', 'plan.json', 'stage-1.ids.i32.bin', 'tokenizer.json', 'train.py']),
  );
  const shipped = fileURLToPath(new URL('../../models/granite-tiny/model.safetensors', import.meta.url));
  expect(readFileSync(join(out, 'model.safetensors')).equals(readFileSync(shipped))).toBe(true);
  expect((await cli(['train', file, '--export-plan', out])).stderr).toContain('is not empty');
  const lora = await cli(['train', file, '--export-plan', join(work, 'lora-plan'), '--set', 'train=lora']);
  expect(lora.stderr).toContain("trains 'lora' has no plan");
});

it('explains what is wrong before weights are read, and writes nothing', async () => {
  const refused = async (...args: string[]) => {
    const { code, stderr } = await cli(['train', config, '--out', join(work, 'none'), ...args]);
    expect(code).toBe(2);
    return stderr;
  };
  expect(await refused('--set', 'data={"ids":[[1,100000]]}')).toContain('the model has ids from 0 to');
  expect(await refused('--set', 'optimizer.rate=1')).toContain("unknown key 'optimizer.rate'");
  expect(await refused('--recipe', 'mamba-7b-rw-tiny')).toContain('wanted one of them');
  const { max_position_embeddings: context } = JSON.parse(
    readFileSync(join(golden('llama-dense'), 'config.json'), 'utf8'),
  );
  expect(await refused('--memory', '60MB')).toMatch(/this run needs \d+ MB of memory, but may take 60 MB/);
  const row = JSON.stringify(Array(context + 2).fill(1));
  expect(await refused('--set', `data={"ids":[${row}]}`)).toContain('reads at most');
});

it('refuses a folder with another run, another configuration, and a damaged checkpoint', async () => {
  const out = join(work, 'whole');
  expect((await cli(['train', config, '--out', out])).stderr).toContain('--resume');
  const other = await cli(['train', config, '--out', out, '--resume', '--set', 'seed=5']);
  expect(other.stderr).toContain("was begun with 'seed': 0");
  const file = join(out, 'checkpoints/step-00000020/optimizer.safetensors');
  const bytes = readFileSync(file);
  bytes[bytes.length - 3] = (bytes[bytes.length - 3] as number) ^ 1;
  writeFileSync(file, bytes);
  const damaged = await cli(['train', config, '--out', out, '--resume']);
  expect(damaged.code).toBe(1);
  expect(damaged.stderr).toMatch(/step-00000020 is damaged: the bytes of optimizer\.safetensors/);
});

it.skipIf(process.platform === 'win32')('tells that a disk is full, and keeps the last checkpoint', async () => {
  const out = join(work, 'full-disk');
  const args = ['train', config, '--out', out, '--set', 'schedule=null', '--resume'];
  expect((await cli([...args, '--set', 'steps=3'])).code).toBe(0);
  const digests = () =>
    Object.fromEntries(
      readdirSync(join(out, 'checkpoints/step-00000003')).map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(out, 'checkpoints/step-00000003', name)))
          .digest('hex'),
      ]),
    );
  const before = digests();
  const { size } = statSync(join(out, 'checkpoints/step-00000003/optimizer.safetensors'));
  // A limit of sizes of files stands for the disk: the moments do not fit.
  const limited = `ulimit -f ${Math.floor(size / 2048)}; exec "$0" "$@"`;
  const child = spawnSync('bash', ['-c', limited, process.execPath, main, ...args, '--set', 'steps=9'], {
    encoding: 'utf8',
  });
  expect(child.status, child.stderr).toBe(2);
  expect(child.stderr).toMatch(/cannot be written: it is larger than that disk or a limit/);
  expect(readdirSync(join(out, 'checkpoints'))).toEqual(['step-00000003']);
  expect(digests()).toEqual(before);
  const resumed = await cli([...args, '--set', 'steps=9']);
  expect(resumed.code, resumed.stderr).toBe(0);
});

it('says what a run will take, and writes nothing', async () => {
  const { code, stdout, stderr } = await cli(['train', config, '--out', join(work, 'dry'), '--dry-run']);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/steps +20\b/);
  expect(stdout).toMatch(/on this machine +about 1 s, as fast as products/);
  expect(stdout).toMatch(/values of a pass +[\d.]+ MB/);
  expect(readdirSync(work)).not.toContain('dry');
  const recipe = await cli(['train', '--recipe', 'mamba-7b-rw', '--dry-run']);
  expect(recipe.stdout).toContain('TRI-ML/mamba-7b-rw');
});

it('trains senses, goes on, and writes interventions that other commands take', async () => {
  const file = join(work, 'senses.config.json');
  const examples = [
    { prefix: [3, 14, 15], suffix: [9, 26] },
    { prefix: [5, 35], suffix: [8, 9] },
  ];
  const senses = { examples, count: 4, background: 0, backgroundRows: 1, epochs: 4, tolerance: 1 };
  writeFileSync(
    file,
    JSON.stringify({
      ...{ model: golden('backpack-hub'), train: 'senses', senses, data: { ids: [[3, 14, 8, 5, 35, 9]] } },
      ...{ optimizer: { name: 'adamw', lr: 0.05, betas: [0.9, 0.995] }, checkpoint: { every: 3 } },
    }),
  );
  expect((await cli(['train', file, '--dry-run'])).stdout).toMatch(/senses\.add/);
  const out = (name: string) => join(work, name);
  const { code, stderr } = await cli(['train', file, '--out', out('senses')]);
  expect(code, stderr).toBe(0);
  const scored = (more: readonly string[]) =>
    cli(['score', golden('backpack-hub'), '--ids', '5,35,8,9', '--json', ...more]);
  const perplexity = ({ stdout }: { readonly stdout: string }) =>
    (JSON.parse(stdout) as { readonly perplexity: number }).perplexity;
  const edited = await scored(['--interventions', join(out('senses'), 'senses.json')]);
  expect(edited.code, edited.stderr).toBe(0);
  expect(perplexity(edited)).toBeLessThan(perplexity(await scored([])));

  // The steps after the checkpoint once more.
  const vectors = readFileSync(join(out('senses'), 'senses.safetensors'));
  rmSync(join(out('senses'), 'senses.safetensors'));
  rmSync(join(out('senses'), 'checkpoints/step-00000008'), { recursive: true });
  const again = await cli(['train', file, '--out', out('senses'), '--resume']);
  expect(again.code, again.stderr).toBe(0);
  expect(readFileSync(join(out('senses'), 'senses.safetensors'))).toEqual(vectors);
});

it('two flags for one file are an error before anything is trained', async () => {
  const file = join(work, 'same');
  const { code, stderr } = await cli([
    'train',
    config,
    '--out',
    join(work, 'same-run'),
    '--plot',
    file,
    '--metrics',
    file,
  ]);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/--metrics and --plot both write .*same: give each/)]);
});

it('a dropout of 1 is told with its key', async () => {
  const keys = ['--set', 'train=lora', '--set', 'lora.dropout=1'];
  const { code, stderr } = await cli(['train', config, ...keys, '--out', join(work, 'dropped')]);
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/'lora\.dropout': 1, wanted a number from 0 on and below 1/),
  ]);
});

it('a run that diverges before its first checkpoint says that there is none', async () => {
  const keys = [
    '--set',
    'optimizer.lr=1e30',
    '--set',
    'schedule={"name":"constant"}',
    '--set',
    'checkpoint.every=1000',
  ];
  const { code, stderr } = await cli(['train', config, ...keys, '--out', join(work, 'diverged')]);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/there is no checkpoint in .*diverged yet/)]);
});
