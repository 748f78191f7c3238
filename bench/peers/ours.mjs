/** Measures this library on a folder, in Node; otherwise as llama-cpp.mjs. */
import { readFileSync } from 'node:fs';
import { partsOf } from '../../dist/src/api/model.js';
import { checkWeightFormat, enableEngineFeatures, fromPretrained, UsageError } from '../../dist/src/node.js';
import { measure } from './measure.mjs';

const task = JSON.parse(process.argv[2]);
enableEngineFeatures(); // as the command line does
let weights;
try {
  weights = checkWeightFormat(task.weights);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stdout.write(`${JSON.stringify({ missing: error.message })}\n`);
  process.exit(0);
}
const model = await fromPretrained(task.folder, { weights, threads: task.threads });

let state;
const times = await measure(task, {
  begin() {
    state?.dispose();
    state = model.newState();
  },
  read: (ids) => partsOf(model).engine.read([{ ids, state }]),
});

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const about = { version: `portmanteau ${version} in Node ${process.versions.node}`, threads: task.threads };
process.stdout.write(`${JSON.stringify({ ...times, ...about })}\n`);
await model.dispose();
