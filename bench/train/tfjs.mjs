/** Measures TensorFlow.js on its WebAssembly backend. In Node this has one thread. Argument: the task, as JSON. */
import tf from '@tensorflow/tfjs'; // with the gradients, which tfjs-core alone does not have in Node
import '@tensorflow/tfjs-backend-wasm';
import { version_wasm as version } from '@tensorflow/tfjs-backend-wasm';
import { causalMask, gptShapes, initialNumbers, measureSide, randomNumbers, someRows } from './gpt.mjs';

const task = JSON.parse(process.argv[2]);
const { width, heads, layers, rows, tokens, vocabulary } = task;
if (!(await tf.setBackend('wasm'))) throw new Error('tfjs-backend-wasm did not start');

const random = randomNumbers();
const parameters = Object.entries(gptShapes(task)).map(([name, shape]) =>
  tf.variable(tf.tensor(initialNumbers(name, shape, random), shape), true, name),
);
const p = Object.fromEntries(parameters.map((variable) => [variable.name, variable]));
const { ids, targets } = someRows(task, random);
const mask = tf.tensor(causalMask(tokens), [tokens, tokens]);
// Rows of these are looked up by a product: the backend has no kernel for the gradient of gather.
const words = tf.keep(tf.cast(tf.oneHot(tf.tensor1d(ids, 'int32'), vocabulary), 'float32'));
const wanted = tf.keep(tf.cast(tf.oneHot(tf.tensor1d(targets, 'int32'), vocabulary), 'float32'));

function norm(x, name) {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.mul(centred, centred), -1, true);
  return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5))), p[`${name}.gain`]), p[`${name}.bias`]);
}

const linear = (x, name) => tf.add(tf.matMul(x, p[`${name}.weight`]), p[`${name}.bias`]);

/** By tanh, as GPT-2 has it. */
function gelu(x) {
  const inner = tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, tf.mul(x, tf.mul(x, x)))));
  return tf.mul(tf.mul(0.5, x), tf.add(1, tf.tanh(inner)));
}

function attention(x, i) {
  const each = width / heads;
  const parts = tf.split(linear(x, `${i}.qkv`), 3, 1);
  const [q, k, v] = parts.map((part) => tf.transpose(tf.reshape(part, [rows, tokens, heads, each]), [0, 2, 1, 3]));
  const scores = tf.add(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(each)), mask);
  const z = tf.transpose(tf.matMul(tf.softmax(scores), v), [0, 2, 1, 3]);
  return linear(tf.reshape(z, [rows * tokens, width]), `${i}.out`);
}

function lossOf() {
  const embedded = tf.reshape(tf.matMul(words, p.words), [rows, tokens, width]);
  let x = tf.reshape(tf.add(embedded, p.places), [rows * tokens, width]);
  for (let i = 0; i < layers; i++) {
    x = tf.add(x, attention(norm(x, `${i}.norm1`), i));
    x = tf.add(x, linear(gelu(linear(norm(x, `${i}.norm2`), `${i}.up`)), `${i}.down`));
  }
  const logits = tf.matMul(norm(x, 'norm'), p.words, false, true);
  const logSums = tf.sub(logits, tf.logSumExp(logits, -1, true));
  return tf.mul(tf.sum(tf.mul(logSums, wanted)), -1 / (rows * tokens));
}

const optimizer = tf.train.adam(1e-4, 0.9, 0.95, 1e-8);
let grads;
await measureSide(task, {
  async forward() {
    const loss = tf.tidy(lossOf);
    const [value] = await loss.data();
    loss.dispose();
    return value;
  },
  async gradients() {
    tf.dispose(grads);
    const found = tf.variableGrads(lossOf, parameters);
    grads = found.grads;
    const [value] = await found.value.data();
    found.value.dispose();
    return value;
  },
  async update() {
    optimizer.applyGradients(grads);
    await parameters[0].data();
  },
  version: `tfjs-backend-wasm ${version}`,
  threads: 1,
});
