/**
 * What the JavaScript peers have in common: a GPT of the sizes that the task names, since they have none of our models, with random numbers
 * of a fixed seed, and how one side is measured. It has norms with gains and offsets, biases, gelu, learnt positions, and a tied head.
 */

/** Uniform within 1, always the same. */
export function randomNumbers(seed = 1) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** Shapes of the parameters; of what is named `gain` all numbers are 1, of `bias` 0, of the others small and random. */
export function gptShapes({ width, layers, vocabulary, tokens }) {
  const norm = (name) => ({ [`${name}.gain`]: [width], [`${name}.bias`]: [width] });
  const linear = (name, inner, outer) => ({ [`${name}.weight`]: [inner, outer], [`${name}.bias`]: [outer] });
  const block = (i) => ({
    ...norm(`${i}.norm1`),
    ...linear(`${i}.qkv`, width, 3 * width),
    ...linear(`${i}.out`, width, width),
    ...norm(`${i}.norm2`),
    ...linear(`${i}.up`, width, 4 * width),
    ...linear(`${i}.down`, 4 * width, width),
  });
  const blocks = Array.from({ length: layers }, (_, i) => block(i));
  return Object.assign({ words: [vocabulary, width], places: [tokens, width] }, ...blocks, norm('norm'));
}

export function initialNumbers(name, shape, random) {
  const count = shape.reduce((product, length) => product * length, 1);
  if (name.endsWith('gain')) return new Float32Array(count).fill(1);
  if (name.endsWith('bias')) return new Float32Array(count);
  return Float32Array.from({ length: count }, () => 0.03 * random());
}

/** Ids of the rows that are read, and their targets. */
export function someRows({ rows, tokens, vocabulary }, random) {
  const ids = () => Int32Array.from({ length: rows * tokens }, () => Math.floor(((random() + 1) / 2) * vocabulary));
  return { ids: ids(), targets: ids() };
}

/** 0 where a token reads another, and a large negative number where it does not. */
export const causalMask = (tokens) =>
  Float32Array.from({ length: tokens * tokens }, (_, i) => (i % tokens > Math.floor(i / tokens) ? -1e9 : 0));

/** Rounds in which memory and compilers become warm. */
const WARM_UP = 2;

/**
 * Seconds of the forward pass, of forward and backward together, and of the optimiser's step, `repeats` of each after two that are not
 * counted; the first loss. `side` has { forward, gradients, update, version, threads }, of which the first two give a loss.
 */
export async function measureSide({ repeats }, { version, threads, ...parts }) {
  const seconds = { forward: [], gradients: [], update: [] };
  let firstLoss;
  for (let round = -WARM_UP; round < repeats; round++) {
    for (const part of Object.keys(seconds)) {
      const begin = performance.now();
      const loss = await parts[part]();
      firstLoss ??= loss;
      if (round >= 0) seconds[part].push((performance.now() - begin) / 1000);
    }
  }
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(`${JSON.stringify({ ...seconds, firstLoss, peakBytes, version, threads })}\n`);
}
