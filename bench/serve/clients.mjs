/** Clients that ask a server for texts at the same time, and note when each token comes. */
import { Agent, request } from 'node:http';

/** One streamed completion: milliseconds to the first token, and between the later ones. Throws unless `newTokens` come. */
function completion(url, agent, { model, prompt, newTokens }) {
  const body = JSON.stringify({
    ...{ model, prompt, max_tokens: newTokens, temperature: 0, stream: true, ignore_eos: true },
  });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const times = [];
    const sent = request(`${url}/v1/completions`, { method: 'POST', agent, headers }, (response) => {
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (text) => {
        const now = performance.now();
        const events = (rest + text).split('\n\n');
        rest = events.pop();
        for (const event of events) if (hasToken(event)) times.push(now);
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode !== 200 || times.length !== newTokens)
          return reject(new Error(`status ${response.statusCode}, ${times.length} tokens of ${newTokens}: ${rest}`));
        resolve({
          first: times[0] - begin,
          between: times.slice(1).map((time, i) => time - times[i]),
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function hasToken(event) {
  const data = event.slice('data: '.length);
  if (data === '[DONE]') return false;
  const { choices } = JSON.parse(data);
  return choices[0] && (choices[0].text !== '' || choices[0].finish_reason === null);
}

/**
 * `clients` clients, each of which asks again as soon as it has its answer, until `requests` are answered. All prompts differ. Gives
 * { tokensPerSecond, first, between }: new tokens of all clients together by the time of the whole, and milliseconds.
 */
export async function load(url, { model, clients, requests, promptTokens, newTokens, vocabulary }) {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  let seed = 1;
  const id = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % vocabulary;
  const prompts = Array.from({ length: requests + 1 }, () => Array.from({ length: promptTokens }, id));
  const ask = () => completion(url, agent, { model, prompt: prompts.pop(), newTokens });
  await ask(); // memory, compilers
  const answers = [];
  const begin = performance.now();
  const client = async () => {
    while (prompts.length > 0) answers.push(await ask());
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - begin) / 1000;
  agent.destroy();
  return {
    tokensPerSecond: (requests * newTokens) / seconds,
    first: answers.map(({ first }) => first),
    between: answers.flatMap(({ between }) => between),
  };
}
