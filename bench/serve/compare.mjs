/**
 * `serve` and llama.cpp's continuous batching, behind HTTP with the same form of answers, by turns; README.md says how to run it. Every measurement
 * is a server of its own.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configOf, writeFile, writeFolder } from '../peers/checkpoints.mjs';
import { checksOf, fail, parsed } from '../peers/options.mjs';
import { quiet } from '../peers/quiet.mjs';
import { load } from './clients.mjs';
import { startServer } from './server.mjs';
import { table } from './table.mjs';

const { SHAPES } = await import('../../dist/bench/peers/shapes.js').catch(() =>
  fail('the library is not built: run npm run -s build in its folder first.'),
);

/** So many layers of each that a measurement takes seconds. */
const LAYERS = { 'granite-2b': 4, 'granite-1b': 8, 'mamba-130m': 24 };

const OPTIONS = {
  shapes: { type: 'string', default: Object.keys(LAYERS).join(',') },
  formats: { type: 'string', default: 'q8' },
  clients: { type: 'string', default: '1,8,32' },
  threads: { type: 'string', default: '2' },
  prompt: { type: 'string', default: '64' },
  new: { type: 'string', default: '32' },
  requests: { type: 'string', default: '2' },
  rounds: { type: 'string', default: '3' },
  layers: { type: 'string' },
  node: { type: 'string', default: process.execPath },
  patience: { type: 'string', default: '60' },
  temp: { type: 'string', default: tmpdir() },
  json: { type: 'boolean', default: false },
};

const values = parsed(OPTIONS);
const { names, number, numbers } = checksOf(values);
const shapes = names('shapes', [...SHAPES.keys()]);
const formats = names('formats', ['q8', 'q4', 'bf16', 'f32']);
const counts = numbers('clients');
const [threads, promptTokens, newTokens, each, rounds, layers] = [
  ...['threads', 'prompt', 'new', 'requests', 'rounds', 'layers'],
].map((name) => number(name));
const say = (text) => process.stderr.write(`${text}\n`);
const fileAt = (path) => fileURLToPath(new URL(path, import.meta.url));

/** A vocabulary of made-up words, so that every token is text. */
function writeTokenizer(folder, { vocab_size }) {
  const vocab = Object.fromEntries(Array.from({ length: vocab_size }, (_, id) => [`<${id}>`, id]));
  const tokenizer = { version: '1.0', decoder: { type: 'Fuse' }, model: { type: 'BPE', vocab, merges: [] } };
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
}

const { version } = JSON.parse(readFileSync(fileAt('../../package.json'), 'utf8'));
const SIDES = {
  ours: ({ folder, weights }) => [
    values.node,
    [
      ...[fileAt('../../dist/cli/main.js'), 'serve', folder, '--port', '0', '--no-log'],
      ...['--weights', weights, '--threads', String(threads)],
    ],
  ],
  'llama.cpp': ({ file, clients }) => [
    process.execPath,
    [
      fileAt('llama-server.mjs'),
      JSON.stringify({ file, threads, sequences: clients, contextTokens: promptTokens + newTokens + 8 }),
    ],
  ],
};

const busy = [];
const versions = new Set();

async function measured(side, task) {
  busy.push(await quiet(Number(values.patience)));
  const server = await startServer(spawn, ...SIDES[side](task));
  try {
    versions.add(side === 'ours' ? `portmanteau ${version}` : server.said.replace(/ listens on .*/s, ''));
    const { clients, vocabulary } = task;
    const requests = Math.max(clients * each, 4);
    const times = await load(server.url, {
      ...{ model: 'ours', clients, requests, promptTokens, newTokens, vocabulary },
    });
    return { ...times, peakBytes: server.peakBytes() };
  } finally {
    await server.stop();
  }
}

const results = [];
const temp = mkdtempSync(join(values.temp, 'portmanteau-serve-'));
process.once('exit', () => rmSync(temp, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
if (!existsSync(fileAt('node_modules/node-llama-cpp')))
  fail('node-llama-cpp is not installed: run npm install --ignore-scripts in bench/serve first.');
for (const name of shapes) {
  const shape = SHAPES.get(name);
  const config = configOf(shape, layers ?? LAYERS[name]);
  const folder = join(temp, 'ours');
  const file = join(temp, 'theirs.gguf');
  writeFolder(shape, folder, config);
  writeTokenizer(folder, config);
  for (const format of formats.filter((one) => one in shape.formats)) {
    const { ours: weights, theirs } = shape.formats[format];
    writeFile(shape, file, config, theirs);
    for (const clients of counts) {
      const sides = { ours: [], 'llama.cpp': [] };
      for (let round = 0; round < rounds; round++)
        for (const side of round % 2 === 0 ? ['ours', 'llama.cpp'] : ['llama.cpp', 'ours']) {
          const task = { folder, file, weights, clients, vocabulary: config.vocab_size };
          const one = await measured(side, task);
          sides[side].push(one);
          say(`${name} ${format}, ${clients} clients, round ${round + 1}, ${side}: ${one.tokensPerSecond.toFixed(1)}`);
        }
      const shown = `${name}, ${config.num_hidden_layers ?? config.n_layer} layers`;
      results.push({ shape: shown, formats: `${weights} / ${theirs}`, clients, sides });
    }
    rmSync(file);
  }
  rmSync(folder, { recursive: true });
}
const result = {
  cpu: `${availableParallelism()} x ${cpus()[0].model.trim()}`,
  memoryBytes: totalmem(),
  date: new Date().toISOString().slice(0, 10),
  busy, // shares of the processors that others used, when processes began
  versions: [`Node ${process.versions.node}`, ...versions],
  ...{ threads, promptTokens, newTokens, rounds, results },
};
console.log(values.json ? JSON.stringify(result) : table(result));
process.exit(0);
