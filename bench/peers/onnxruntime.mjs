/**
 * Measures quantised matrix products in ONNX Runtime, the graph of matmul-chain.mjs. The task comes as JSON in the first argument; the result
 * goes to standard output as JSON.
 */
import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { chain } from './matmul-chain.mjs';
import { measureChain } from './measure-chain.mjs';

const task = JSON.parse(process.argv[2]);
const { width, count, theirBits } = task;
const session = await InferenceSession.create(chain(width, count, theirBits), {
  intraOpNumThreads: task.threads,
  interOpNumThreads: 1,
});
const times = await measureChain(task, session, Tensor);
const path = new URL('node_modules/onnxruntime-node/package.json', import.meta.url);
const version = `onnxruntime-node ${JSON.parse(readFileSync(path, 'utf8')).version}`;
process.stdout.write(`${JSON.stringify({ ...times, version, threads: task.threads })}\n`);
