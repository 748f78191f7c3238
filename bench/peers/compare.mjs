/**
 * The same shapes through this library and through the programs that a user would take instead, by turns; README.md says how to run it.
 * Every measurement is a process of its own, so that memory is free again and no thread of one waits for one of another.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SHAPES } from '../../dist/bench/peers/shapes.js';
import { configOf, writeFile, writeFolder } from './checkpoints.mjs';
import { checksOf, parsed } from './options.mjs';
import { quiet } from './quiet.mjs';
import { median, table } from './table.mjs';

/** The scripts that measure a peer and, beside it, us. */
const PEERS = {
  'llama.cpp': { theirs: ['llama-cpp.mjs'], ours: ['ours.mjs'] },
  wllama: { theirs: ['browser.mjs', { side: 'wllama' }], ours: ['browser.mjs', { side: 'ours' }] },
  onnxruntime: { theirs: ['onnxruntime.mjs'], ours: ['ours-layer.mjs'] },
  'onnxruntime-web': { theirs: ['browser.mjs', { side: 'onnxruntime-web' }], ours: ['browser.mjs', { side: 'layer' }] },
};

/** Those that have none of the models. */
const LAYER_PEERS = ['onnxruntime', 'onnxruntime-web'];

/** Square matrices, for ONNX Runtime: their width, and so many that their numbers are far more than caches hold. */
const LAYERS = { 'layer-4096': { width: 4096, count: 16 }, 'layer-1024': { width: 1024, count: 256 } };
const LAYER_FORMATS = { q8: 8, q4: 4 };

const values = parsed({
  shapes: { type: 'string', default: 'granite-1b,mamba-0.7b,backpack' },
  formats: { type: 'string', default: 'q8,q4,ternary,ternary-q4' },
  peers: { type: 'string', default: 'llama.cpp' },
  threads: { type: 'string', default: '1,2' },
  rounds: { type: 'string', default: '3' },
  repeats: { type: 'string', default: '3' },
  prompt: { type: 'string', default: '128,512' },
  new: { type: 'string', default: '32' },
  layers: { type: 'string' },
  node: { type: 'string', default: process.execPath },
  'node-flags': { type: 'string', default: '' },
  patience: { type: 'string', default: '60' },
  temp: { type: 'string', default: tmpdir() },
  json: { type: 'boolean', default: false },
});

const { names, number, numbers } = checksOf(values);
const shapes = names('shapes', [...SHAPES.keys(), ...Object.keys(LAYERS)]);
const formats = names('formats', [...new Set([...SHAPES.values()].flatMap((shape) => Object.keys(shape.formats)))]);
const peers = names('peers', Object.keys(PEERS));
const [rounds, repeats, newTokens, layers] = ['rounds', 'repeats', 'new', 'layers'].map((name) => number(name));
const prompts = numbers('prompt');
const flags = values['node-flags'].split(' ').filter(Boolean);
const say = (text) => process.stderr.write(`${text}\n`);

/** What a process answers: { prompt, decode, version }, or { missing } when it cannot do this, and says why. */
async function run(peer, side, task) {
  const [script, more] = PEERS[peer][side];
  const path = fileURLToPath(new URL(script, import.meta.url));
  const [node, args] = script.startsWith('ours') ? [values.node, flags] : [process.execPath, []];
  try {
    const given = [...args, path, JSON.stringify({ ...task, ...more })];
    const { stdout } = await promisify(execFile)(node, given, { maxBuffer: 1 << 26 });
    return JSON.parse(stdout.trim().split('\n').at(-1));
  } catch (error) {
    return { missing: (error.stderr || error.message).trim().split('\n').slice(-12).join(' / ') };
  }
}

const rows = [];
const begun = [];
const coreShares = [];
const versions = new Set();
const remarks = new Set();

/** Rounds of both sides by turns; the one that begins changes. */
async function compare(shape, format, peer, threads, task) {
  const results = { ours: [], theirs: [] };
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? ['ours', 'theirs'] : ['theirs', 'ours']) {
      if (results[side].some(({ missing }) => missing)) continue;
      const who = side === 'ours' ? 'ours' : peer;
      begun.push(await quiet(Number(values.patience)));
      const result = await run(peer, side, { ...task, prompts, newTokens, repeats, threads });
      results[side].push(result);
      if (result.missing) remarks.add(`${who}, ${shape} ${format}: ${result.missing}`);
      else {
        versions.add(result.version + (result.features ? ` (${result.features.join(' ')})` : ''));
        const speeds = [...Object.values(result.prompt), result.decode].map((speed) => median(speed).toFixed(1));
        if (result.coreShare) coreShares.push(result.coreShare);
        const cores = result.coreShare ? `, ${Math.round(100 * result.coreShare)}% of its cores` : '';
        say(`${shape} ${format}, ${threads} threads, round ${round + 1}, ${who}: ${speeds.join(' ')}${cores}`);
      }
    }
  }
  const kinds = prompts.map((tokens) => [`prompt ${tokens}`, ({ prompt }) => prompt[tokens]]);
  for (const [what, of] of [...kinds, ['decode', ({ decode }) => decode]]) {
    const speeds = (side) => results[side].filter(({ missing }) => !missing).map((result) => median(of(result)));
    const [ours, theirs] = [speeds('ours'), speeds('theirs')];
    const ratios = ours.length === theirs.length ? ours.map((speed, i) => speed / theirs[i]) : [];
    rows.push({ shape, format, peer, threads, what, ours, theirs, ratios });
  }
}

async function compareModels(name, temp) {
  const shape = SHAPES.get(name);
  const { formats: known } = shape;
  const config = configOf(shape, layers);
  const folder = join(temp, 'ours');
  const file = join(temp, 'theirs.gguf');
  writeFolder(shape, folder, config);
  for (const format of formats.filter((format) => format in known)) {
    const { ours, theirs } = known[format];
    const bytes = writeFile(shape, file, config, theirs);
    say(`${name}: ${ours} / ${theirs}, ${(bytes / 1e6).toFixed(0)} MB`);
    const contextTokens = Math.max(...prompts, newTokens + 1);
    const task = { folder, file, weights: ours, vocabulary: config.vocab_size, contextTokens };
    for (const peer of peers.filter((peer) => !LAYER_PEERS.includes(peer)))
      for (const threads of numbers('threads')) await compare(name, `${ours} / ${theirs}`, peer, threads, task);
    rmSync(file);
  }
  rmSync(folder, { recursive: true });
}

async function compareLayers(name) {
  for (const format of formats.filter((format) => format in LAYER_FORMATS)) {
    const bits = LAYER_FORMATS[format];
    const task = { ...LAYERS[name], weights: format, theirBits: bits };
    for (const peer of peers.filter((peer) => LAYER_PEERS.includes(peer)))
      for (const threads of numbers('threads')) await compare(name, `${format} / ${bits} bits`, peer, threads, task);
  }
}

const temp = mkdtempSync(join(values.temp, 'portmanteau-peers-'));
const clear = () => rmSync(temp, { recursive: true, force: true });
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    clear();
    process.exit(130);
  });
try {
  for (const name of shapes) await (name in LAYERS ? compareLayers(name) : compareModels(name, temp));
} finally {
  clear();
}
const result = {
  cpu: `${availableParallelism()} x ${cpus()[0].model.trim()}`,
  memoryBytes: totalmem(),
  date: new Date().toISOString().slice(0, 10),
  busy: begun, // shares of the processors that others used, when processes began
  coreShares, // parts of their time in which measured threads ran
  versions: [...versions],
  layers,
  rounds,
  repeats,
  newTokens,
  rows,
  remarks: [...remarks],
};
console.log(values.json ? JSON.stringify(result) : table(result));
