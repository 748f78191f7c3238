/** Good requests with the answers that the models give alone, in this process and one after another. */

const WORDS =
  'the a cat dog sea old man went to house and then said it was not very far when night came again she looked'.split(
    ' ',
  );

/** Whole numbers below n, from a seed. */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const textOf = (below, most) => Array.from({ length: 1 + below(most) }, () => WORDS[below(WORDS.length)]).join(' ');

/** Each kind: makes a request of a model, and what the answer has to hold. Numbers are compared as they come: the laws promise every bit. */
const KINDS = {
  async greedy(model, below) {
    const prompt = textOf(below, 120);
    const maxNewTokens = 1 + below(24);
    const { text } = await model.complete(prompt, { maxNewTokens, temperature: 0 });
    return ['/v1/completions', { prompt, max_tokens: maxNewTokens, temperature: 0 }, [text]];
  },
  async sampled(model, below) {
    const prompt = [...model.encode(textOf(below, 20))];
    const seed = below(1000);
    const options = { maxNewTokens: 1 + below(40), temperature: 1.1, topP: 0.9 };
    const { text } = await model.complete(prompt, { ...options, seed });
    const { text: second } = await model.complete(prompt, { ...options, seed: seed + 1 });
    const body = { prompt, max_tokens: options.maxNewTokens, temperature: 1.1, top_p: 0.9, seed, n: 2 };
    return ['/v1/completions', body, [text, second]];
  },
  async steered(model, below) {
    const prompt = textOf(below, 30);
    const sites = model.sites.filter(({ name }) => name.endsWith('residPost'));
    const interventions = [{ site: sites[below(sites.length)].name, scale: 0.5 }];
    const { text } = await model.complete(prompt, { maxNewTokens: 12, temperature: 0, interventions });
    return ['/v1/completions', { prompt, max_tokens: 12, temperature: 0, interventions }, [text]];
  },
  async echoed(model, below) {
    const prompt = textOf(below, 60);
    const { tokens } = await model.score(prompt);
    const expected = JSON.stringify(tokens.map(({ logprob }) => logprob));
    const body = { prompt, max_tokens: 0, echo: true, logprobs: 1 };
    return ['/v1/completions', body, [expected], ({ choices }) => [JSON.stringify(choices[0].logprobs.token_logprobs)]];
  },
  async scored(model, below) {
    const prompts = [textOf(below, 80), textOf(below, 8)];
    const sums = [];
    for (const prompt of prompts) sums.push((await model.score(prompt)).sumLogprob);
    return ['/v1/score', { prompt: prompts }, sums, ({ data }) => data.map(({ sum_logprob }) => sum_logprob)];
  },
  async tokenized(model, below) {
    const prompt = textOf(below, 200);
    return ['/v1/tokenize', { prompt }, [...model.encode(prompt)], ({ tokens }) => tokens];
  },
};

const texts = ({ choices }) => choices.map(({ text }) => text);

/** `models`: by the names that they are served as. Some of each kind: { path, body, isRight(answer) }. */
export async function goodRequests(models, each, seed) {
  const below = randomFrom(seed);
  const found = [];
  for (const [name, model] of Object.entries(models))
    for (const [kind, make] of Object.entries(KINDS))
      for (let i = 0; i < each; i++) {
        const [path, body, expected, read = texts] = await make(model, below);
        const wanted = JSON.stringify(expected);
        const streams = read === texts;
        const isRight = (answer) => JSON.stringify(read(answer)) === wanted;
        found.push({ kind, path, body: { model: name, ...body }, isRight, streams, wanted });
      }
  return found;
}

/** Conversations: texts that each begin with all before, and the answers; for sessions. */
export async function conversations(models, each, seed) {
  const below = randomFrom(seed);
  const found = [];
  for (const [name, model] of Object.entries(models))
    for (let i = 0; i < each; i++) {
      const turns = [];
      let prompt = textOf(below, 10);
      for (let turn = 0; turn < 3; turn++) {
        const { text } = await model.complete(prompt, { maxNewTokens: 8, temperature: 0 });
        turns.push({ prompt, text });
        prompt += `${text} ${textOf(below, 6)}`;
      }
      found.push({ model: name, turns });
    }
  return found;
}
