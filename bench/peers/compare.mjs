/**
 * The same shapes through this library and through the programs that a user would take instead, by turns; README.md says how to run it.
 * Every measurement is a process of its own, so that memory is free again and no thread of one waits for one of another.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { writeGguf } from '../../dist/bench/peers/gguf.js';
import { SHAPES } from '../../dist/bench/peers/shapes.js';
import { writeSynthetic } from '../../dist/bench/synthetic.js';

const PEERS = ['llama.cpp'];

const { values } = parseArgs({
  options: {
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
    temp: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
  },
});

const list = (option, known) => {
  const items = values[option].split(',').filter(Boolean);
  const strange = known && items.find((item) => !known.includes(item));
  if (strange) fail(`--${option}: there is no '${strange}'; known are ${known.join(', ')}.`);
  return items;
};
const numbers = (option) => {
  const items = list(option).map(Number);
  if (!items.every((item) => Number.isInteger(item) && item > 0))
    fail(`--${option} came as '${values[option]}', wanted whole numbers from 1 on.`);
  return items;
};

function fail(message) {
  process.stderr.write(`compare: ${message}\n`);
  process.exit(2);
}

const [rounds, repeats, newTokens] = ['rounds', 'repeats', 'new'].map((option) => numbers(option)[0]);
const prompts = numbers('prompt');
const knownFormats = [...new Set([...SHAPES.values()].flatMap(({ formats }) => Object.keys(formats)))];
const wanted = {
  shapes: list('shapes', [...SHAPES.keys()]),
  formats: list('formats', knownFormats),
  peers: list('peers', PEERS),
  threads: numbers('threads'),
};
const [layers] = values.layers ? numbers('layers') : [];
const busy = loadavg()[0];
const flags = values['node-flags'].split(' ').filter(Boolean);

const say = (text) => process.stderr.write(`${text}\n`);
const middle = (items) => [...items].sort((a, b) => a - b);
const median = (items) => {
  const sorted = middle(items);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** What a process answers: { prompt, decode, version }, or { missing } when it cannot do this at all, and says why. */
async function inProcess(node, args, script, task) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  try {
    const { stdout } = await promisify(execFile)(node, [...args, path, JSON.stringify(task)], { maxBuffer: 1 << 26 });
    return JSON.parse(stdout.trim().split('\n').at(-1));
  } catch (error) {
    return { missing: (error.stderr || error.message).trim().split('\n').slice(-12).join('\n') };
  }
}

const sides = {
  ours: (task) => inProcess(values.node, flags, 'ours.mjs', task),
  'llama.cpp': (task) => inProcess(process.execPath, [], 'llama-cpp.mjs', task),
};

const rows = [];
const versions = new Set();
const remarks = new Set();

/** Rounds of both sides by turns; the one that begins changes. */
async function compare(name, format, peer, threads, task) {
  const results = { ours: [], [peer]: [] };
  for (let round = 0; round < rounds; round++) {
    const turns = round % 2 === 0 ? ['ours', peer] : [peer, 'ours'];
    for (const side of turns) {
      if (results[side].some(({ missing }) => missing)) continue;
      const result = await sides[side]({ ...task, threads });
      results[side].push(result);
      if (result.missing) remarks.add(`${side}, ${name} ${format}: ${result.missing}`);
      else {
        versions.add(result.version + (result.features ? ` (${result.features.join(' ')})` : ''));
        const speeds = [...Object.values(result.prompt), result.decode].map((speed) => median(speed).toFixed(1));
        say(`${name} ${format}, ${threads} threads, round ${round + 1}, ${side}: ${speeds.join(' ')}`);
      }
    }
  }
  const what = [...prompts.map((tokens) => [`prompt ${tokens}`, ({ prompt }) => prompt[tokens]])];
  for (const [title, of] of [...what, ['decode', ({ decode }) => decode]]) {
    const speeds = (side) => results[side].filter(({ missing }) => !missing).map((result) => median(of(result)));
    const [a, b] = [speeds('ours'), speeds(peer)];
    const ratios = a.length === b.length ? a.map((speed, i) => speed / b[i]) : [];
    rows.push({ shape: name, format, peer, threads, what: title, ours: a, theirs: b, ratios });
  }
}

const temp = mkdtempSync(join(values.temp, 'portmanteau-peers-'));
process.on('SIGINT', () => {
  rmSync(temp, { recursive: true, force: true });
  process.exit(130);
});
try {
  for (const name of wanted.shapes) {
    const { published, formats, gguf } = SHAPES.get(name);
    const config = { ...published.config };
    for (const key of ['num_hidden_layers', 'n_layer']) if (key in config && layers) config[key] = layers;
    const folder = join(temp, 'ours');
    mkdirSync(folder);
    // Tokens must differ, or all would go to the same experts.
    writeSynthetic(published, folder, { config, dense: 'num_local_experts' in config });
    for (const format of wanted.formats.filter((format) => format in formats)) {
      const { ours, theirs } = formats[format];
      const file = join(temp, 'theirs.gguf');
      const { metadata, tensors } = gguf(config, theirs);
      const bytes = writeGguf(file, metadata, tensors);
      say(`${name}: ${ours} against ${theirs}, ${(bytes / 1e6).toFixed(0)} MB`);
      const task = {
        folder,
        weights: ours,
        file,
        prompts,
        newTokens,
        repeats,
        vocabulary: config.vocab_size,
        contextTokens: Math.max(...prompts, newTokens + 1),
      };
      for (const peer of wanted.peers)
        for (const threads of wanted.threads) await compare(name, `${ours} / ${theirs}`, peer, threads, task);
      rmSync(file);
    }
    rmSync(folder, { recursive: true });
  }
} finally {
  rmSync(temp, { recursive: true, force: true });
}

const machine = {
  cpu: `${availableParallelism()} x ${cpus()[0].model.trim()}`,
  memoryBytes: totalmem(),
  /** Processes that wanted to run in the minute before. */
  busy,
  date: new Date().toISOString().slice(0, 10),
  versions: [...versions],
};
if (values.json)
  console.log(JSON.stringify({ ...machine, rounds, repeats, newTokens, layers, rows, remarks: [...remarks] }));
else {
  const cell = (speeds) => (speeds.length > 0 ? median(speeds).toPrecision(3) : '-');
  const ratio = (ratios) =>
    ratios.length > 0
      ? `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`
      : '-';
  console.log(
    `${machine.cpu}, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, ${machine.date}, busy with ${busy.toFixed(1)} before`,
  );
  for (const version of machine.versions) console.log(`- ${version}`);
  console.log(
    `\nTokens per second, medians of ${rounds} rounds of ${repeats}; ratio ours / theirs of a round (least to most).\n`,
  );
  console.log('| shape | formats | threads | | ours | theirs | ratio |\n|---|---|---|---|---|---|---|');
  for (const { shape, format, peer, threads, what, ours, theirs, ratios } of rows)
    console.log(
      `| ${shape} | ${format} in ${peer} | ${threads} | ${what} | ${cell(ours)} | ${cell(theirs)} | ${ratio(ratios)} |`,
    );
  for (const remark of remarks) console.log(`\n- not measured: ${remark}`);
}
