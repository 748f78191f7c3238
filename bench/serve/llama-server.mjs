/**
 * llama.cpp behind HTTP, as small as can be: POST /v1/completions with token ids and `stream`, greedily. Requests share the steps of one context of
 * node-llama-cpp (its continuous batching), as many at once as it has sequences; others wait. The task comes as JSON in the first argument; the
 * address goes to standard output when it listens.
 */
import { createServer } from 'node:http';
import { getLlama, getModuleVersion } from 'node-llama-cpp';

const { file, threads, sequences, contextTokens } = JSON.parse(process.argv[2]);
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 0, logLevel: 'error', progressLogs: false });
const model = await llama.loadModel({ modelPath: file, gpuLayers: 0 });
const context = await model.createContext({
  contextSize: contextTokens, // of each sequence
  sequences,
  batchSize: 512,
  threads: { ideal: threads, min: threads },
  // By default a step begins as soon as one sequence has a token, often without the others. Of 0, 2, 8 and 20 ms, 2 gave the most tokens per second.
  ...(sequences > 1 && { batching: { dispatchSchedule: (dispatch) => setTimeout(dispatch, 2) } }),
});

const free = Array.from({ length: sequences }, () => context.getSequence());
const waiting = [];
const taken = () => (free.length > 0 ? free.pop() : new Promise((resolve) => waiting.push(resolve)));
const given = (sequence) => (waiting.length > 0 ? waiting.shift()(sequence) : free.push(sequence));

async function answer({ prompt, max_tokens }, response) {
  const sequence = await taken();
  try {
    await sequence.clearHistory();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (choice) =>
      response.write(
        `data: ${JSON.stringify({ object: 'text_completion', choices: [{ index: 0, logprobs: null, ...choice }] })}\n\n`,
      );
    let count = 0;
    for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
      send({ text: model.detokenize([token]), finish_reason: null });
      count++;
      if (count === max_tokens || response.destroyed) break;
    }
    send({ text: '', finish_reason: 'length' });
    response.end('data: [DONE]\n\n');
  } finally {
    given(sequence);
  }
}

const server = createServer(async (request, response) => {
  if (request.method === 'GET') return response.end();
  const parts = [];
  for await (const part of request) parts.push(part);
  try {
    await answer(JSON.parse(Buffer.concat(parts).toString()), response);
  } catch (error) {
    process.stderr.write(`llama-server: ${error.stack}\n`);
    response.destroy();
  }
});
server.listen(0, '127.0.0.1', async () => {
  const version = `node-llama-cpp ${await getModuleVersion()} with llama.cpp ${llama.llamaCppRelease.release}`;
  const features = llama.systemInfo.split(' | ').filter((feature) => feature.endsWith(' = 1'));
  const names = features.map((feature) => feature.replace(/ = 1$/, '').replace(/^.* : /, ''));
  process.stdout.write(`${version} (${names.join(' ')}) listens on http://127.0.0.1:${server.address().port}\n`);
});
