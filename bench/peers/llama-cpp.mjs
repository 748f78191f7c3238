/**
 * Measures native llama.cpp on a GGUF file, through node-llama-cpp and below its queues and samplers: a step is one batch whose last token
 * gives logits. The task comes as JSON in the first argument; the result goes to standard output as JSON.
 */
import { getLlama, getModuleVersion } from 'node-llama-cpp';
import { measure } from './measure.mjs';

const task = JSON.parse(process.argv[2]);
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 0, logLevel: 'error', progressLogs: false });
const model = await llama.loadModel({ modelPath: task.file, gpuLayers: 0 });
const context = await model.createContext({
  contextSize: task.contextTokens,
  batchSize: Math.max(...task.prompts),
  sequences: 1,
  threads: { ideal: task.threads, min: task.threads },
});
const native = context._ctx;
native.setThreads(task.threads);

let length = 0;
async function read(ids) {
  native.initBatch(ids.length);
  native.addToBatch(0, length, Uint32Array.from(ids), Uint32Array.of(ids.length - 1));
  await native.decodeBatch();
  length += ids.length;
}

const times = await measure(task, {
  begin() {
    native.disposeSequence(0);
    length = 0;
  },
  read,
});

const used = llama.systemInfo.split(' | ').filter((feature) => feature.endsWith(' = 1'));
const about = {
  version: `node-llama-cpp ${await getModuleVersion()} with llama.cpp ${llama.llamaCppRelease.release}`,
  features: used.map((feature) => feature.replace(/ = 1$/, '').replace(/^.* : /, '')),
  threads: native.getThreads(),
};
process.stdout.write(`${JSON.stringify({ ...times, ...about })}\n`);
process.exit(0);
