/**
 * Steps of training in this library and in the programs that one would take instead, by turns; README.md says how to run it. Every measurement
 * is a process of its own, so that memory is free again and no thread of one waits for one of another.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { checksOf, fail, parsed } from '../peers/options.mjs';
import { quiet } from '../peers/quiet.mjs';
import { table } from './table.mjs';

/** Where programs are found, and which of the shapes they train. */
const SIDES = {
  ours: { script: '../../dist/bench/train/ours.js', takes: () => true },
  pytorch: { script: 'pytorch.py', takes: () => true },
  'jax-js': { script: 'jax-js.mjs', takes: ({ gpt }) => gpt !== undefined, packages: '@jax-js/jax' },
  tfjs: { script: 'tfjs.mjs', takes: ({ gpt }) => gpt !== undefined, packages: '@tensorflow/tfjs' },
};

const pathOf = (side) => fileURLToPath(new URL(SIDES[side].script, import.meta.url));
if (!existsSync(pathOf('ours'))) fail('the library is not built: run npm run -s build in its folder first.');
const { TRAIN_SHAPES } = await import('../../dist/bench/train/shapes.js');
const { writeSynthetic } = await import('../../dist/bench/synthetic.js');

const OPTIONS = {
  shapes: { type: 'string', default: 'backpack-tiny,bitnet-tiny,mamba-tiny,granite-tiny,gpt' },
  peers: { type: 'string', default: 'pytorch' },
  python: { type: 'string', default: 'python3' },
  threads: { type: 'string', default: '2' },
  rounds: { type: 'string', default: '3' },
  repeats: { type: 'string', default: '3' },
  layers: { type: 'string' },
  rows: { type: 'string' },
  tokens: { type: 'string' },
  node: { type: 'string', default: process.execPath },
  patience: { type: 'string', default: '60' },
  temp: { type: 'string', default: tmpdir() },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
};

const values = parsed(OPTIONS);
if (values.help) {
  process.stdout.write(
    `node compare.mjs [options]; README.md tells what they are.\n${Object.entries(OPTIONS)
      .map(([name, { default: usual }]) => `  --${name}${usual === undefined || usual === false ? '' : ` (${usual})`}`)
      .join('\n')}\nShapes: ${[...TRAIN_SHAPES.keys()].join(', ')}; all\n`,
  );
  process.exit(0);
}

const { names, number } = checksOf(values);
const shapes = values.shapes === 'all' ? [...TRAIN_SHAPES.keys()] : names('shapes', [...TRAIN_SHAPES.keys()]);
const peers = names(
  'peers',
  Object.keys(SIDES).filter((side) => side !== 'ours'),
  { optional: true },
);
const [threads, rounds, repeats, layers] = ['threads', 'rounds', 'repeats', 'layers'].map((name) => number(name));
const patience = number('patience', { least: 0 });
const say = (text) => process.stderr.write(`${text}\n`);

/** What a process tells, or { missing } when it cannot do this, and says why. */
async function run(side, task) {
  const program = side === 'pytorch' ? values.python : side === 'ours' ? values.node : process.execPath;
  try {
    const all = [pathOf(side), JSON.stringify(task)];
    const { stdout } = await promisify(execFile)(program, all, { maxBuffer: 1 << 26 });
    return JSON.parse(stdout.trim().split('\n').at(-1));
  } catch (error) {
    const { packages } = SIDES[side];
    if (packages && /Cannot find package/.test(error.stderr))
      return { missing: `${packages} is not installed: run npm install --ignore-scripts in bench/train.` };
    if (error.code === 'ENOENT') return { missing: `there is no ${program}: name it with --python or --node.` };
    return { missing: (error.stderr || error.message).trim().split('\n').slice(-6).join(' / ') };
  }
}

/** Rows of ids, always the same, over the whole vocabulary. */
function rowsOf(count, tokens, vocabulary) {
  let seed = 1;
  const id = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % vocabulary;
  return Array.from({ length: count }, () => Array.from({ length: tokens + 1 }, id));
}

const results = [];
const begun = [];
const versions = new Set();
const remarks = new Set();

/** Parts by which first losses of the same weights may differ: of f32 in another order of sums, of numbers near a tie that are rounded, and of weights that only our side has rounded. */
const LOSS_TOLERANCES = { f32: 1e-4, ternary: 1e-3, q8: 1e-2 };

/** Our side and PyTorch read the same weights and ids, so that their first losses must agree. */
function remarkLosses(name, { ours, pytorch = [] }, tolerance) {
  const [own, theirs] = [ours, pytorch].map((all) => all.find(({ missing }) => !missing)?.firstLoss);
  if (own === undefined || theirs === undefined) return;
  if (Math.abs(own / theirs - 1) <= tolerance) return;
  remarks.add(`${name}: not the same model: the first loss is ${own} here and ${theirs} in PyTorch`);
}

/** Rounds of all sides by turns; the one that begins changes. */
async function compare(name, temp) {
  const { published, rows, tokens, weights, lora, ternary, gpt } = TRAIN_SHAPES.get(name);
  const config = { ...published.config };
  for (const key of ['num_hidden_layers', 'n_layer']) if (layers && key in config) config[key] = layers;
  const folder = join(temp, name);
  writeSynthetic(published, folder, { config, dense: true });
  const size = { rows: number('rows') ?? rows, tokens: number('tokens') ?? tokens };
  const ids = rowsOf(size.rows, size.tokens, config.vocab_size);
  const task = { ...{ folder, config, weights, lora, ternary, ids, threads, repeats }, ...size };
  const sizes = gpt && { ...gpt, ...(layers ? { layers } : {}) };
  const sides = ['ours', ...peers.filter((peer) => SIDES[peer].takes({ gpt }))];
  const times = Object.fromEntries(sides.map((side) => [side, []]));
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      if (times[side].some(({ missing }) => missing)) continue;
      begun.push(await quiet(patience));
      const took = await run(
        side,
        side === 'ours' || side === 'pytorch' ? task : { ...task, ...sizes, ids: undefined },
      );
      times[side].push(took);
      if (took.missing) remarks.add(`${side}, ${name}: ${took.missing}`);
      else {
        versions.add(`${took.version}, ${took.threads} threads`);
        const parts = ['forward', 'gradients', 'update'].map((part) => Math.min(...took[part]).toFixed(3));
        say(`${name}, round ${round + 1}, ${side}: ${parts.join(' ')} s, first loss ${took.firstLoss.toFixed(4)}`);
      }
    }
  }
  remarkLosses(name, times, LOSS_TOLERANCES[ternary ? 'ternary' : weights]);
  rmSync(folder, { recursive: true });
  const done = Object.entries(times).map(([side, all]) => [side, all.filter(({ missing }) => !missing)]);
  results.push({ shape: name, ...size, sides: Object.fromEntries(done.filter(([, all]) => all.length > 0)) });
}

const temp = mkdtempSync(join(values.temp, 'portmanteau-train-'));
const clear = () => rmSync(temp, { recursive: true, force: true });
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    clear();
    process.exit(130);
  });
try {
  for (const name of shapes) await compare(name, temp);
} finally {
  clear();
}
const result = {
  cpu: `${availableParallelism()} x ${cpus()[0].model.trim()}`,
  memoryBytes: totalmem(),
  date: new Date().toISOString().slice(0, 10),
  busy: begun, // shares of the processors that others used, when processes began
  versions: [...versions],
  ...{ layers, rounds, repeats, results },
  remarks: [...remarks],
};
console.log(values.json ? JSON.stringify(result) : table(result));
