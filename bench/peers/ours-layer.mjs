/** Measures the matrix products of this library in Node. */
import { readFileSync } from 'node:fs';
import { nodePlatform } from '../../dist/src/backends/wasm/platform-node.js';
import { UsageError } from '../../dist/src/base/errors.js';
import { checkWeightFormat } from '../../dist/src/loader/formats.js';
import { enableEngineFeatures } from '../../dist/src/node.js';
import { measureLayer } from './measure-layer.mjs';

enableEngineFeatures(); // as the command line does
const task = JSON.parse(process.argv[2]);
try {
  checkWeightFormat(task.weights);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stdout.write(`${JSON.stringify({ missing: error.message })}\n`);
  process.exit(0);
}
const times = await measureLayer(task, nodePlatform);
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const about = { version: `portmanteau ${version} in Node ${process.versions.node}`, threads: task.threads };
process.stdout.write(`${JSON.stringify({ ...times, ...about })}\n`);
