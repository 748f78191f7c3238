/** The model's answers to the tasks of the goldens are those of the harness on the same checkpoint, from the task file to the numbers. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { answerAll } from '../../src/evaluation/answer/answer-all.ts';
import { answersByTask, type PreparedEvaluation, requestsOf } from '../../src/evaluation/prepared.ts';
import type { EvaluationAnswer } from '../../src/evaluation/requests.ts';
import { fromPretrained, type Model, prepareEvaluation } from '../../src/node.ts';
import { type GoldenSample, golden, taskFiles } from './task-goldens.ts';

vi.setConfig({ testTimeout: 300_000 });

let model: Model;
beforeAll(async () => {
  model = await fromPretrained(golden.model, { weights: 'f32', threads: 1 });
});
afterAll(() => model.dispose());

it.each(golden.cases)('$name', async (entry) => {
  const prepared: PreparedEvaluation = await prepareEvaluation({
    tasks: [entry.task],
    includePath: await taskFiles(entry),
    limit: entry.limit ?? undefined,
    hub: { offline: true },
  });
  const { answers, failures } = await answerAll(model, requestsOf(prepared.tasks).requests);
  expect(failures).toEqual([]);
  const byTask = answersByTask(prepared.tasks, answers);
  for (const [i, { name }] of prepared.tasks.entries()) {
    const wanted = answersOf(entry.samples[name] as readonly GoldenSample[]);
    expect(byTask[i]?.length).toBe(wanted.length);
    for (const [at, answer] of wanted.entries())
      expectSame(byTask[i]?.[at] as EvaluationAnswer, answer, `${name}, ${at}`);
  }
});

/** Of the first filter: the others have the same. */
function answersOf(samples: readonly GoldenSample[]): unknown[] {
  const first = samples[0]?.filter;
  return samples.flatMap(({ filter, resps }) => (filter === first ? resps.map(([answer]) => answer) : []));
}

function expectSame(own: EvaluationAnswer, wanted: unknown, about: string): void {
  if (own.kind === 'generate') {
    expect(own.text, about).toBe(wanted);
    return;
  }
  if (own.kind === 'numbers') throw new Error('no golden has such answers');
  const [logProbability, isGreedy] = (Array.isArray(wanted) ? wanted : [wanted]) as [number, boolean | undefined];
  expect(Math.abs(own.logProbability - logProbability), about).toBeLessThan(1e-4 + 1e-6 * Math.abs(logProbability));
  if (own.kind === 'loglikelihood') expect(own.isGreedy, about).toBe(isGreedy);
}
