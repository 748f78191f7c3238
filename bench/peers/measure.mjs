/** What is measured, the same way for all: reading prompts, each from an empty state, and then single tokens after one. */

/**
 * `begin` empties the state; `read` appends ids and computes the logits after the last one. Gives tokens per second, one number for each
 * repetition: { prompt: { 128: [...] }, decode: [...] }. One pass before warms memory, caches and compilers. In Node also `coreShare`: the
 * time that the threads were running, of that which they could have run; much below 1, others had the cores.
 */
export async function measure({ prompts, newTokens, repeats, vocabulary, threads }, { begin, read }) {
  let seed = 1;
  const id = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % vocabulary;
  const rate = async (tokens, run) => {
    const start = performance.now();
    await run();
    return (1000 * tokens) / (performance.now() - start);
  };
  async function decode() {
    await begin();
    await read([id()]);
    return rate(newTokens, async () => {
      for (let i = 0; i < newTokens; i++) await read([id()]);
    });
  }
  async function prompt(tokens) {
    await begin();
    const ids = Array.from({ length: tokens }, id);
    return rate(tokens, () => read(ids));
  }
  await prompt(Math.min(...prompts));
  await begin();
  await read([id()]);
  const result = { prompt: Object.fromEntries(prompts.map((tokens) => [tokens, []])), decode: [] };
  const [start, before] = [performance.now(), globalThis.process?.cpuUsage()];
  for (let i = 0; i < repeats; i++) {
    for (const tokens of prompts) result.prompt[tokens].push(await prompt(tokens));
    result.decode.push(await decode());
  }
  if (!before) return result;
  const { user, system } = process.cpuUsage(before);
  return { ...result, coreShare: (user + system) / 1000 / (performance.now() - start) / threads };
}
