/**
 * How near decoding comes to the speed of memory: tokens per second of a model of a published shape, times the bytes that a token reads,
 * against a bare SIMD read loop over as many bytes in the same run, by turns.
 *
 *   node dist/bench/decode.js [--shape backpack-gpt2] [--weights f32] [--threads 2] [--tokens 8] [--rounds 7] [--json]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkWeightFormat, fromPretrained, UsageError } from '../src/node.ts';
import { bytesPerToken } from './bytes-per-token.ts';
import { PUBLISHED } from './published.ts';
import { readLoop } from './read-loop.ts';
import { writeSynthetic } from './synthetic.ts';

const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: 'backpack-gpt2' },
    weights: { type: 'string', default: 'f32' },
    threads: { type: 'string', default: '2' },
    tokens: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false },
  },
});

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1] as number;

const published = PUBLISHED.get(values.shape);
if (!published)
  throw new UsageError(`there is no shape '${values.shape}'; known are ${[...PUBLISHED.keys()].join(', ')}.`);
const threads = Number(values.threads);
const tokens = Number(values.tokens);
const folder = mkdtempSync(join(tmpdir(), 'portmanteau-bench-'));
try {
  writeSynthetic(published, join(folder, 'model'));
  const model = await fromPretrained(join(folder, 'model'), { threads, weights: checkWeightFormat(values.weights) });
  const bytes = bytesPerToken(model.opened);
  const loop = await readLoop(Math.min(bytes, 2 ** 30), threads);
  const share: number[] = [];
  const tokensPerSecond: number[] = [];
  const readBandwidth: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const state = model.newState();
    await model.engine.next([{ ids: [1], state }]);
    const begin = performance.now();
    for (let i = 0; i < tokens; i++) await model.engine.next([{ ids: [i + 2], state }]);
    const seconds = (performance.now() - begin) / 1000 / tokens;
    state.dispose();
    const passes = [await loop.pass(), await loop.pass(), await loop.pass()];
    const bandwidth = Math.min(bytes, 2 ** 30) / median(passes);
    tokensPerSecond.push(1 / seconds);
    readBandwidth.push(bandwidth);
    share.push(bytes / seconds / bandwidth);
  }
  const result = {
    shape: values.shape,
    weights: values.weights,
    threads,
    bytesPerToken: bytes,
    tokensPerSecond: median(tokensPerSecond),
    readBandwidth: median(readBandwidth),
    shareOfReadBandwidth: median(share),
    shares: share,
  };
  if (values.json) console.log(JSON.stringify(result));
  else {
    console.log(`${result.shape}, ${result.weights}, ${threads} threads`);
    console.log(`decode           ${result.tokensPerSecond.toFixed(2)} tokens/s, ${(bytes / 1e6).toFixed(0)} MB each`);
    console.log(`bare read loop   ${(result.readBandwidth / 1e9).toFixed(2)} GB/s`);
    console.log(
      `share            ${result.shareOfReadBandwidth.toFixed(3)} (${share.map((s) => s.toFixed(2)).join(' ')})`,
    );
  }
  await loop.dispose();
  await model.dispose();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
