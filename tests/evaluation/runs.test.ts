/** Runs in folders: what stops a run loses nothing, and a run that goes on ends as one that was never stopped. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type EvaluateOptions,
  evaluatePrepared,
  evaluate as evaluateTasks,
  fromPretrained,
  type Model,
  type PreparedEvaluation,
} from '../../src/node.ts';
import { stubEvaluation } from './stub.ts';

let model: Model;
beforeAll(async () => {
  model = await fromPretrained('granite-tiny', { threads: 1 });
});
afterAll(() => model.dispose());

let outputPath: string;
beforeEach(() => {
  outputPath = mkdtempSync(join(tmpdir(), 'evaluation-'));
});
afterEach(() => rmSync(outputPath, { recursive: true }));

const evaluate = (more: Partial<EvaluateOptions> = {}, prepared: PreparedEvaluation = stubEvaluation(12)) =>
  evaluatePrepared(model, prepared, { modelName: 'a/b', outputPath, logSamples: true, stepTokens: 64, ...more });

const folder = () => join(outputPath, 'a__b');

/** Contents of the files, without what tells the time. */
function written(): Record<string, string> {
  const time = /\d{4}-\d\d-\d\dT[\d:-]+\.\d+Z?/g;
  return Object.fromEntries(
    readdirSync(folder()).map((name) => [
      name.replace(time, 'TIME'),
      readFileSync(join(folder(), name), 'utf8').replace(time, 'TIME'),
    ]),
  );
}

/** Stops after so many answers. */
function stopAfter(count: number): Partial<EvaluateOptions> {
  const stop = new AbortController();
  let answers = -1; // the first report is of what is known
  return {
    signal: stop.signal,
    onProgress: () => {
      answers++;
      if (answers === count) stop.abort();
    },
  };
}

it('a run that was stopped goes on, and ends as one that was not', async () => {
  const whole = await evaluate();
  expect(whole.files).toHaveLength(3);
  const expected = written();
  expect(Object.keys(expected).sort()).toEqual([
    'results_TIME.json',
    'samples_choices_TIME.jsonl',
    'samples_texts_TIME.jsonl',
  ]);
  rmSync(folder(), { recursive: true });
  for (const count of [1, 5, 20]) {
    await expect(evaluate({ ...stopAfter(count), resume: true })).rejects.toThrow();
    expect(readdirSync(folder())).toEqual(['answers.journal']);
  }
  const dones: number[] = [];
  await evaluate({ resume: true, onProgress: ({ done }) => dones.push(done) });
  expect(dones[0]).toBeGreaterThanOrEqual(26);
  expect(written()).toEqual(expected);
});

describe('a run that was stopped', () => {
  beforeEach(async () => {
    await expect(evaluate(stopAfter(4))).rejects.toThrow();
  });

  it('is not begun anew by mistake', async () => {
    await expect(evaluate()).rejects.toThrow(/--resume/);
  });

  it.each([
    ['the options of answering', { softmaxDtype: 'bf16' as const }, 12],
    ['requests', {}, 13],
    ['what is recorded', { seed: 3 }, 12],
  ])('does not go on with other %s', async (what, options, documents) => {
    const kept = readFileSync(join(folder(), 'answers.journal'));
    await expect(evaluate({ resume: true, ...options }, stubEvaluation(documents))).rejects.toThrow(what);
    expect(readFileSync(join(folder(), 'answers.journal'))).toEqual(kept);
  });
});

it('two runs do not write to one folder', async () => {
  const both = await Promise.allSettled([evaluate(), evaluate()]);
  expect(both.some(({ status }) => status === 'rejected')).toBe(true);
  const [failed] = both.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
  expect(failed?.message).toMatch(/another run writes to/);
});

it('requests that fail are told, and the others go on; a later run tries them again', async () => {
  const prepared = stubEvaluation(3);
  const [choices, texts] = prepared.tasks as [PreparedEvaluation['tasks'][number], PreparedEvaluation['tasks'][number]];
  const broken = choices.instances.map((one) =>
    one.docId === 1 ? { ...one, request: { kind: 'loglikelihood' as const, context: 'x', continuation: '' } } : one,
  );
  const { failures, results } = await evaluate({}, { ...prepared, tasks: [{ ...choices, instances: broken }, texts] });
  expect(failures.map(({ task, docId }) => `${task} ${docId}`)).toEqual(['choices 1', 'choices 1', 'choices 1']);
  expect(failures[0]?.error.message).toMatch(/no token/);
  expect(results.results.texts).toMatchObject({ documents: 3 });
  expect(existsSync(join(folder(), 'answers.journal'))).toBe(true);
});

it('tasks are evaluated by their names', async () => {
  const { results, files } = await evaluateTasks(model, { tasks: ['sample_hellaswag'], limit: 4, numFewshot: 1 });
  expect(files).toEqual([]);
  expect(results.results).toMatchObject({ sample_hellaswag: { sample_len: 4 } });
  expect(results['n-shot']).toEqual({ sample_hellaswag: 1 });
});

it('--resume without a folder is an error; nothing is written when a folder cannot be made', async () => {
  await expect(evaluate({ outputPath: undefined, resume: true })).rejects.toThrow(/--output-path/);
  // Before tasks and data are looked for.
  await expect(evaluateTasks(model, { tasks: ['no_such_task'], resume: true })).rejects.toThrow(/--output-path/);
  writeFileSync(join(outputPath, 'file'), '');
  await expect(evaluate({ outputPath: join(outputPath, 'file') })).rejects.toThrow(/file/);
});
