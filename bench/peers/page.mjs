/** Measures this library, wllama and ONNX Runtime in a page, on files that were chosen in its field, so that none has to lie in memory. */
import { checkWeightFormat, fromPretrained, memoryFolder, UsageError } from 'portmanteau';
import { partsOf } from '../../dist/src/api/model.js';
import { webPlatform } from '../../dist/src/backends/wasm/platform-web.js';
import { measure } from './measure.mjs';
import { measureChain } from './measure-chain.mjs';
import { measureLayer } from './measure-layer.mjs';

const chosen = () => [...document.querySelector('input').files];

async function ours(task) {
  let weights;
  try {
    weights = checkWeightFormat(task.weights);
  } catch (error) {
    if (error instanceof UsageError) return { missing: error.message };
    throw error;
  }
  const files = new Map(chosen().map((file) => [file.name, file]));
  const model = await fromPretrained(memoryFolder(files), { weights, threads: task.threads });
  let state;
  return measure(task, {
    begin() {
      state?.dispose();
      state = model.newState();
    },
    read: (ids) => partsOf(model).engine.read([{ ids, state }]),
  });
}

/** By its own clock, which leaves out messages between threads, and with the cheapest sampler. Takes text only: a token a letter. */
async function wllama(task) {
  const { Wllama } = await import('@wllama/wllama');
  const wllama = new Wllama(
    { default: '/bench/peers/node_modules/@wllama/wllama/esm/wasm/wllama.wasm' },
    { suppressNativeLog: false },
  );
  await wllama.loadModel(chosen(), {
    n_ctx: task.contextTokens,
    n_batch: Math.max(...task.prompts),
    n_ubatch: Math.max(...task.prompts),
    n_threads: task.threads,
    n_gpu_layers: 0,
    n_parallel: 1,
    warmup: false,
  });
  const complete = async (tokens, newTokens) => {
    const prompt = Array.from({ length: tokens }, () => String.fromCharCode(97 + 26 * Math.random())).join('');
    const greedy = { temperature: 0, samplers: ['temperature'], ignore_eos: true };
    const { timings } = await wllama.createCompletion({
      prompt,
      max_tokens: newTokens,
      cache_prompt: false,
      ...greedy,
    });
    if (timings.prompt_n !== tokens) throw new Error(`wllama has read ${timings.prompt_n} of ${tokens} tokens`);
    return timings;
  };
  await complete(Math.min(...task.prompts), 2);
  const result = { prompt: Object.fromEntries(task.prompts.map((tokens) => [tokens, []])), decode: [] };
  for (let i = 0; i < task.repeats; i++) {
    for (const tokens of task.prompts) result.prompt[tokens].push((await complete(tokens, 1)).prompt_per_second);
    result.decode.push((await complete(1, task.newTokens)).predicted_per_second);
  }
  return { ...result, version: `llama.cpp ${Wllama.getLibllamaVersion()}` };
}

async function onnxruntime(task) {
  const { env, InferenceSession, Tensor } = await import('onnxruntime-web');
  env.wasm.numThreads = task.threads;
  env.wasm.wasmPaths = '/bench/peers/node_modules/onnxruntime-web/dist/';
  const session = await InferenceSession.create(new Uint8Array(await chosen()[0].arrayBuffer()), {
    executionProviders: ['wasm'],
  });
  return measureChain(task, session, Tensor);
}

const SIDES = { ours, wllama, 'onnxruntime-web': onnxruntime, layer: (task) => measureLayer(task, webPlatform) };

globalThis.measurePeer = (task) => SIDES[task.side](task);
