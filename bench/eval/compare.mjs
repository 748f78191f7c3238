/**
 * Documents per second of this library and of lm-evaluation-harness (its hf backend), on the same requests and the same checkpoint, by turns;
 * README.md says how to run it.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { shapeNamed } from '../../dist/bench/shapes.js';
import { writeSynthetic } from '../../dist/bench/synthetic.js';
import { fail, parsed } from '../peers/options.mjs';
import { median } from '../peers/table.mjs';
import { documentsOf, SETS } from './requests.mjs';

const OPTIONS = {
  help: { type: 'boolean', short: 'h', default: false },
  data: { type: 'string' },
  python: { type: 'string', default: 'python3' },
  model: { type: 'string' },
  shape: { type: 'string', default: 'granite-3.1-2b' },
  config: { type: 'string', default: '{}' },
  tokenizer: { type: 'string' },
  sets: { type: 'string', default: Object.keys(SETS).join(',') },
  documents: { type: 'string', default: '100' },
  threads: { type: 'string', default: '2' },
  batch: { type: 'string', default: '1' },
  rounds: { type: 'string', default: '3' },
  json: { type: 'boolean', default: false },
};

const values = parsed(OPTIONS);
if (values.help) {
  const lines = Object.entries(OPTIONS).map(
    ([name, { default: usual }]) => `  --${name}${usual ? ` (default: ${usual})` : ''}`,
  );
  process.stdout.write(
    `Usage: node bench/eval/compare.mjs --data FOLDER [options]\n\n${lines.join('\n')}\n\nbench/eval/README.md says what they mean.\n`,
  );
  process.exit(0);
}

const { data, model, tokenizer, python } = values;
if (data === undefined) fail('wanted --data, a folder with the files that requests.mjs reads.');
if (model === undefined && tokenizer === undefined)
  fail('wanted --model, or --tokenizer with the files of one for --shape.');
const [documents, threads, batch, rounds] = ['documents', 'threads', 'batch', 'rounds'].map((name) =>
  Number(values[name]),
);
for (const [name, number] of Object.entries({ documents, threads, batch, rounds }))
  if (!(Number.isInteger(number) && number > 0))
    fail(`--${name} came as '${values[name]}', wanted a whole number from 1 on.`);
const say = (text) => process.stderr.write(`${text}\n`);

const temporary = mkdtempSync(join(tmpdir(), 'portmanteau-eval-'));
process.once('exit', () => rmSync(temporary, { recursive: true, force: true }));

function synthetic() {
  const folder = join(temporary, 'model');
  writeSynthetic(shapeNamed(values.shape), folder, { dense: true, config: JSON.parse(values.config) });
  cpSync(tokenizer, folder, { recursive: true });
  return folder;
}

const folder = model ?? synthetic();

async function run(command, script, task) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const env = { ...process.env, HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: String(threads) };
  const { stdout } = await promisify(execFile)(command, [path, JSON.stringify(task)], { env, maxBuffer: 1 << 26 });
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

const SIDES = {
  ours: (file) => run(process.execPath, 'ours.mjs', { file, folder, threads }),
  'ours, nothing shared': (file) => run(process.execPath, 'ours.mjs', { file, folder, threads, shares: false }),
  theirs: (file) => run(python, 'theirs.py', { file, folder, threads, batch }),
};

function documentsIn(set) {
  try {
    return documentsOf(set, data, documents);
  } catch (error) {
    return fail(error.message);
  }
}

const rows = [];
const versions = new Set();
for (const set of values.sets.split(',')) {
  if (!(set in SETS)) fail(`there is no set '${set}'; known are ${Object.keys(SETS).join(', ')}.`);
  const all = documentsIn(set);
  const file = join(temporary, `${set}.json`);
  writeFileSync(file, JSON.stringify(all));
  const speeds = Object.fromEntries(Object.keys(SIDES).map((side) => [side, []]));
  for (let round = 0; round < rounds; round++) {
    const sums = {};
    for (const [side, measure] of Object.entries(SIDES)) {
      const { seconds, sum, greedy, version } = await measure(file);
      versions.add(version);
      speeds[side].push(all.length / seconds);
      sums[side] = { sum, greedy };
      say(`${set}, round ${round + 1}, ${side}: ${(all.length / seconds).toPrecision(3)} documents/s`);
    }
    const { ours, theirs } = sums;
    const differs = Math.abs(ours.sum - theirs.sum) > 1e-4 * Math.abs(theirs.sum) || ours.greedy !== theirs.greedy;
    if (differs) fail(`${set}: the answers differ, ${JSON.stringify(sums)}; so speeds tell nothing.`);
  }
  rows.push({ set, documents: all.length, speeds });
}

if (values.json) process.stdout.write(`${JSON.stringify({ rows, versions: [...versions], threads })}\n`);
else {
  const ratio = (a, b) => {
    const all = a.map((x, i) => x / b[i]);
    return `${median(all).toFixed(2)} (${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)})`;
  };
  const lines = rows.map(({ set, documents, speeds }) => {
    const [ours, apart, theirs] = Object.values(speeds);
    const cells = [
      set,
      documents,
      ...[ours, apart, theirs].map((x) => median(x).toPrecision(3)),
      ratio(ours, theirs),
      ratio(ours, apart),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  process.stdout.write(
    `${[
      `${cpus()[0]?.model}, ${threads} threads, ${new Date().toISOString().slice(0, 10)}, ${model ?? `${values.shape} ${values.config}`}, f32`,
      ...[...versions].map((version) => `- ${version}`),
      '',
      `Documents per second, medians of ${rounds} rounds; ratios of single rounds (least to most).`,
      '',
      '| set | documents | ours | nothing shared | theirs | ours / theirs | by sharing |',
      '|---|---|---|---|---|---|---|',
      ...lines,
    ].join('\n')}\n`,
  );
}
