/**
 * Loads and runs a synthetic checkpoint of every published shape, each in a process of its own, and holds its peak memory against what is
 * promised: at most 1.15 times weights and state, and what `info` predicts within 10%. Takes half an hour and 20 GB of memory for all.
 *
 *   node dist/bench/full-size.js [SHAPE...] [--new 4] [--threads 2] [--json]
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { PUBLISHED } from './published.ts';
import { shapeNamed, withSynthetic } from './shapes.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    new: { type: 'string', default: '4' },
    threads: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});

const MOST_OVER_WEIGHTS = 1.15;
const MOST_OFF_PREDICTION = 0.1;
const PROMPT = [1, 2, 3, 4, 5, 6, 7, 8];

const cli = fileURLToPath(new URL('../cli/main.js', import.meta.url));

async function portmanteau(...args: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args, '--json'], { maxBuffer: 1 << 28 });
  return JSON.parse(stdout);
}

const rows: { readonly kept: boolean }[] = [];
for (const name of positionals.length > 0 ? positionals : PUBLISHED.keys()) {
  await withSynthetic(shapeNamed(name), async (model) => {
    const info = await portmanteau('info', model, '--threads', values.threads);
    const run = ['--ids', PROMPT.join(','), '--max-new-tokens', values.new, '--threads', values.threads];
    const { stats, ids } = await portmanteau('run', model, ...run, '--ignore-end', '--stats');
    const state = info.stateBytesFixed + info.stateBytesPerToken * (PROMPT.length + ids.length);
    const overWeights = stats.peakBytes / (info.weightBytes.auto + state);
    const offPrediction = stats.peakBytes / info.peakBytes.auto - 1;
    const kept = overWeights <= MOST_OVER_WEIGHTS && Math.abs(offPrediction) <= MOST_OFF_PREDICTION;
    const row = {
      name,
      weightBytes: info.weightBytes.auto,
      stateBytes: state,
      ...stats,
      overWeights,
      offPrediction,
      kept,
    };
    rows.push(row);
    if (!values.json) {
      const gigabytes = (row.weightBytes / 1e9).toFixed(2);
      const off = `${offPrediction >= 0 ? '+' : ''}${(100 * offPrediction).toFixed(1)}%`;
      console.log(
        `${kept ? 'kept  ' : 'BROKEN'} ${name}: ${gigabytes} GB of weights, peak ${overWeights.toFixed(3)} of weights and state, ` +
          `${off} off prediction, load ${(stats.loadMs / 1000).toFixed(1)} s, ${stats.decodeTokensPerSecond} tokens/s`,
      );
    }
  });
}
if (values.json) console.log(JSON.stringify(rows));
if (!rows.every(({ kept }) => kept)) process.exitCode = 1;
