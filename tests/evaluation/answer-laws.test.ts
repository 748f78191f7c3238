/** Answers do not depend on what is read together: any order, any size of step, with shared beginnings or without, every family. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Model, partsOf } from '../../src/api/model.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { answerRequests } from '../../src/evaluation/answer/answer.ts';
import type { AnswerOptions } from '../../src/evaluation/answer/options.ts';
import type { EvaluationAnswer, EvaluationRequest } from '../../src/evaluation/requests.ts';
import { openModel } from '../../src/loader/open.ts';
import { targetOf } from '../../src/runtime/site-shapes.ts';
import { readGolden } from '../goldens.ts';
import { someInterventions } from '../interventions/arbitrary.ts';

const FAMILIES = ['granite-tiny', 'mamba-tiny', 'backpack-tiny', 'bitnet-tiny'];

async function load(name: string): Promise<Model> {
  const { folder } = await readGolden(name);
  const backend = await createWasmBackend({ platform: nodePlatform, threads: 1 });
  return Model.load(await openModel(localFolder(folder)), backend);
}

/** The answers in the order of the requests; the message of an error where there is one. */
async function answers(
  model: Model,
  requests: readonly EvaluationRequest[],
  options: AnswerOptions = {},
): Promise<(EvaluationAnswer | string)[]> {
  const found: (EvaluationAnswer | string)[] = [];
  for await (const one of answerRequests(model, requests, options))
    found[one.index] = 'answer' in one ? one.answer : (one.error as Error).message;
  return found;
}

const WORDS = [
  'The cat',
  ' sat',
  ' on',
  ' the',
  ' mat',
  '. ',
  '\n\n',
  'Question:',
  ' A',
  ' B',
  'é',
  '  ',
  ' once',
  ' upon a time',
];

const texts = (words: number) => fc.array(fc.constantFrom(...WORDS), { maxLength: words }).map((some) => some.join(''));

/** Contexts that begin alike, so that there is something to share. */
const contexts = fc
  .tuple(fc.constantFrom('', 'Once upon a time there was a cat who sat on the mat and ate a fish. Question:'), texts(6))
  .map((some) => some.join(''));

const pair = fc.record({ kind: fc.constant('loglikelihood' as const), context: contexts, continuation: texts(4) });
const rolling = fc.record({ kind: fc.constant('rolling' as const), text: texts(40) });
const generate = fc.record({
  kind: fc.constant('generate' as const),
  context: contexts,
  until: fc.constantFrom(['.'], ['\n\n', ' the'], []),
  maxNewTokens: fc.constantFrom(1, 7),
  sampling: fc.constantFrom({}, { temperature: 1, seed: 3 }),
});

const request: fc.Arbitrary<EvaluationRequest> = fc.oneof(
  { weight: 5, arbitrary: pair },
  { weight: 1, arbitrary: rolling },
  { weight: 1, arbitrary: generate },
);

const pairOf = (context: string, continuation: string): EvaluationRequest => ({
  kind: 'loglikelihood',
  context,
  continuation,
});

describe.each(FAMILIES)('%s', (name) => {
  let model: Model;
  beforeAll(async () => {
    model = await load(name);
  });
  afterAll(() => model.dispose());

  it('answers are the same, to the last bit, however they are computed; and no state is left', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(request, { minLength: 1, maxLength: 14 }).chain((requests) =>
          fc.record({
            requests: fc.constant(requests),
            order: fc.shuffledSubarray([...requests.keys()], { minLength: requests.length }),
            stepTokens: fc.constantFrom(1, 7, 64, 512),
            stateBytes: fc.constantFrom(0, 2 ** 20, 2 ** 30),
            generateTogether: fc.constantFrom(1, 3, 32),
            softmaxDtype: fc.constantFrom('f32' as const, 'bf16' as const),
            maxLength: fc.constantFrom(9, 24, 512),
          }),
        ),
        async ({ requests, order, maxLength, softmaxDtype, ...how }) => {
          const same = { maxLength, softmaxDtype };
          const apart: (EvaluationAnswer | string)[] = [];
          for (const one of requests) apart.push(...(await answers(model, [one], { ...same, shares: false })));
          expect(await answers(model, requests, { ...same, ...how })).toEqual(apart);
          const shuffled = order.map((i) => requests[i] as EvaluationRequest);
          expect(await answers(model, shuffled, same)).toEqual(order.map((i) => apart[i]));
          expect(partsOf(model).engine.pool.usedBytes).toBe(0);
        },
      ),
      { numRuns: 12, seed: 7 },
    );
  });

  it('so they are under interventions, also under those that depend on where a text ends', async () => {
    const target = targetOf(partsOf(model).engine.model);
    const start = 'Once upon a time there was a cat who sat on the mat';
    const requests: EvaluationRequest[] = [
      ...[' and', ' and ate a fish.', ' B', '. Then'].map((continuation) => pairOf(start, continuation)),
      pairOf(`${start} and ate a fish. Question:`, ' A'),
      { kind: 'rolling', text: start.repeat(3) },
      { kind: 'generate', context: start, until: [], maxNewTokens: 5, sampling: {} },
      { kind: 'generate', context: `${start} and ate`, until: [], maxNewTokens: 5, sampling: {} },
    ];
    let changed = 0;
    const plain = await answers(model, requests);
    for (let seed = 0; seed < 8; seed++) {
      const interventions = someInterventions(target, seed, { length: 20, count: 1 + (seed % 2) });
      const apart: (EvaluationAnswer | string)[] = [];
      for (const one of requests) apart.push(...(await answers(model, [one], { shares: false, interventions })));
      expect(await answers(model, requests, { interventions }), `seed ${seed}`).toEqual(apart);
      if (JSON.stringify(apart) !== JSON.stringify(plain)) changed++;
    }
    expect(changed).toBeGreaterThan(3);
    expect(partsOf(model).engine.pool.usedBytes).toBe(0);
  });

  it('a text that ends gives its place to the next, whatever their settings', async () => {
    const requests = [30, 1, 2, 3, 4, 5, 6, 7].map(
      (maxNewTokens): EvaluationRequest => ({
        ...{ kind: 'generate', context: 'The cat', until: [], maxNewTokens },
        sampling: { temperature: 1, seed: maxNewTokens },
      }),
    );
    const step = vi.spyOn(partsOf(model).engine, 'step');
    const found = await answers(model, requests, { generateTogether: 2 });
    const steps = step.mock.calls.map(([all]) => all.length);
    step.mockRestore();
    expect(found.every((answer) => typeof answer === 'object')).toBe(true);
    expect(Math.max(...steps)).toBe(2);
    expect(steps.length).toBeLessThanOrEqual(30 + 7);
  });

  it('the log-likelihood is the sum of what score gives', async () => {
    const [context, continuation] = ['The cat sat on', ' the mat. Once upon a time'];
    const [answer] = await answers(model, [{ kind: 'loglikelihood', context, continuation }]);
    const { tokens } = await model.score(context + continuation, { alternatives: 1 });
    const scored = tokens.slice(model.encode(context).length);
    const sum = scored.reduce((total, { logprob }) => total + (logprob as number), 0);
    expect((answer as { logProbability: number }).logProbability).toBeCloseTo(sum, 10);
  });
});
