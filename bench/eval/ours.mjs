/** Answers requests with this library: { file, folder, threads, shares } -> { seconds, sum, greedy, version } as one line of JSON. */
import { readFileSync } from 'node:fs';
import { answerRequests, enableEngineFeatures, fromPretrained } from '../../dist/src/node.js';

const { file, folder, threads, shares = true } = JSON.parse(process.argv[2]);
enableEngineFeatures(); // as the command line does
const documents = JSON.parse(readFileSync(file, 'utf8'));
const requests = documents.flat().map(([context, continuation]) => ({ kind: 'loglikelihood', context, continuation }));
const model = await fromPretrained(folder, { weights: 'f32', threads });

async function answer(some) {
  let [sum, greedy] = [0, 0];
  for await (const one of answerRequests(model, some, { shares })) {
    if ('error' in one) throw one.error;
    sum += one.answer.logProbability;
    greedy += Number(one.answer.isGreedy);
  }
  return { sum, greedy };
}

await answer(requests.slice(0, 8)); // warms memory and compilers
const start = performance.now();
const found = await answer(requests);
const seconds = (performance.now() - start) / 1000;
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
process.stdout.write(
  `${JSON.stringify({ seconds, ...found, version: `portmanteau ${version} in Node ${process.versions.node}` })}\n`,
);
await model.dispose();
