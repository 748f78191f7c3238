/** Measures jax-js on its WebAssembly backend, jitted, on as many threads as there are processors. Argument: the task, as JSON. */
import './web-worker.mjs'; // first: jax-js looks for it when it is loaded
import { readFileSync } from 'node:fs';
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad, vjp } from '@jax-js/jax';
import { causalMask, gptShapes, initialNumbers, measureSide, randomNumbers, someRows } from './gpt.mjs';

const task = JSON.parse(process.argv[2]);
const { width, heads, layers, rows, tokens, vocabulary } = task;
await init('wasm');
defaultDevice('wasm');

const random = randomNumbers();
const array = (numbers, shape) => np.array(numbers).reshape(shape);
let weights = Object.fromEntries(
  Object.entries(gptShapes(task)).map(([name, shape]) => [name, array(initialNumbers(name, shape, random), shape)]),
);
const some = someRows(task, random);
const ids = np.array(some.ids, { dtype: np.int32 }).reshape([rows, tokens]);
const wanted = nn.oneHot(np.array(some.targets, { dtype: np.int32 }), vocabulary);
const mask = array(causalMask(tokens), [tokens, tokens]);

// An array is used up by whatever takes it; `ref` keeps it for another use.
function norm(x, p, name) {
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(1e-5)))
    .mul(p[`${name}.gain`])
    .add(p[`${name}.bias`]);
}

const linear = (x, p, name) => np.matmul(x, p[`${name}.weight`]).add(p[`${name}.bias`]);

function attention(x, p, i) {
  const each = width / heads;
  const parts = np.split(linear(x, p, `${i}.qkv`), 3, 1);
  const [q, k, v] = parts.map((part) => np.transpose(part.reshape([rows, tokens, heads, each]), [0, 2, 1, 3]));
  const scores = np
    .matmul(q, np.swapaxes(k, -1, -2))
    .mul(1 / Math.sqrt(each))
    .add(mask.ref);
  const z = np.transpose(np.matmul(nn.softmax(scores, -1), v), [0, 2, 1, 3]);
  return linear(z.reshape([rows * tokens, width]), p, `${i}.out`);
}

/** `embedded`: the words' vectors, which are looked up apart: jit has no scatter, the gradient of a lookup. */
function lossOf(p, embedded, hot) {
  let x = embedded.add(p.places).reshape([rows * tokens, width]);
  for (let i = 0; i < layers; i++) {
    x = x.ref.add(attention(norm(x, p, `${i}.norm1`), p, i));
    x = x.ref.add(linear(nn.gelu(linear(norm(x, p, `${i}.norm2`), p, `${i}.up`)), p, `${i}.down`));
  }
  const logits = np.matmul(norm(x, p, 'norm'), np.transpose(p.words));
  return np.sum(nn.logSoftmax(logits, -1).mul(hot)).mul(-1 / (rows * tokens));
}

const forward = jit(lossOf);
const both = jit(valueAndGrad(lossOf, { argnums: [0, 1] }));
const lookUp = (words) => np.take(words, ids.ref, 0);

const adam = jit((w, g, m, v) => {
  const m1 = m.mul(0.9).add(g.ref.mul(0.1));
  const v1 = v.mul(0.95).add(np.square(g).mul(0.05));
  const w1 = w.sub(m1.ref.div(np.sqrt(v1.ref).add(1e-8)).mul(1e-4));
  return [w1, m1, v1];
});
const moments = () => tree.map((w) => np.zeros(w.shape), weights);
let [first, second] = [moments(), moments()];
let grads;

await measureSide(task, {
  async forward() {
    const loss = forward(tree.ref(weights), lookUp(weights.words.ref), wanted.ref);
    return (await loss.data())[0];
  },
  async gradients() {
    if (grads) tree.dispose(grads);
    const [embedded, back] = vjp(lookUp, [weights.words.ref]);
    const [loss, [found, ofEmbedded]] = both(tree.ref(weights), embedded, wanted.ref);
    const [ofWords] = back(ofEmbedded);
    grads = { ...found, words: found.words.add(ofWords) };
    await blockUntilReady(grads);
    return (await loss.data())[0];
  },
  async update() {
    const names = Object.keys(weights);
    const all = names.map((name) => adam(weights[name], grads[name].ref, first[name], second[name]));
    [weights, first, second] = [0, 1, 2].map((i) => Object.fromEntries(names.map((name, at) => [name, all[at][i]])));
    await blockUntilReady([weights, first, second]);
  },
  version: `jax-js ${JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')).dependencies['@jax-js/jax']}`,
  threads: navigator.hardwareConcurrency,
});
process.exit(0); // its threads do not end by themselves
