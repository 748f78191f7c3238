/** What is measured, the same way for all: reading prompts, each from an empty state, and then single tokens after one. */

/**
 * `begin` empties the state; `read` appends ids and computes the logits after the last one. Gives tokens per second, one number for each
 * repetition: { prompt: { 128: [...] }, decode: [...] }. One pass before warms memory, caches and compilers.
 */
export async function measure({ prompts, newTokens, repeats, vocabulary }, { begin, read }) {
  let seed = 1;
  const id = () => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % vocabulary;
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
  for (let i = 0; i < repeats; i++) {
    for (const tokens of prompts) result.prompt[tokens].push(await prompt(tokens));
    result.decode.push(await decode());
  }
  return result;
}
