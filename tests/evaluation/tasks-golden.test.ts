/**
 * Requests, metrics and results are those of lm-evaluation-harness 0.4.13 (tools/reference/make_evaluation_tasks.py): texts to the last byte, and
 * from the harness's own answers all numbers to the last digit.
 */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { type EvaluationAnswer, isOfSenses } from '../../src/evaluation/requests.ts';
import { resultsOf } from '../../src/evaluation/results/results.ts';
import type { Sample } from '../../src/evaluation/results/sample.ts';
import { TaskScorer } from '../../src/evaluation/results/score.ts';
import { instancesOf } from '../../src/evaluation/tasks/instances.ts';
import { openTasks } from '../../src/evaluation/tasks/open-tasks-node.ts';
import { pythonStr } from '../../src/evaluation/tasks/python-text.ts';
import type { TaskInstance, TaskSet } from '../../src/evaluation/tasks/task.ts';
import { type GoldenSample, golden, taskFiles } from './task-goldens.ts';

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

describe.each(golden.cases)('$name', (entry) => {
  let set: TaskSet;
  const instances = new Map<string, TaskInstance[]>();

  beforeAll(async () => {
    const includePath = await taskFiles(entry);
    set = await openTasks([entry.task], { includePath }, { hub: { offline: true }, samples: undefined });
    for (const task of set.tasks) instances.set(task.name, instancesOf(task, { limit: entry.limit ?? undefined }));
  });

  test('asks the same', () => {
    expect([...instances.keys()].sort()).toEqual(Object.keys(entry.samples).sort());
    for (const [name, samples] of Object.entries(entry.samples)) {
      const [{ filter }] = samples as [GoldenSample];
      const wanted = samples.filter((sample) => sample.filter === filter);
      const own = instances.get(name) ?? [];
      expect(wanted.flatMap(({ contexts }) => contexts)[0]).toBe(contextOf(own[0] as TaskInstance));
      expect(own.map((instance) => [instance.docId, shortHash(contextOf(instance)), continuationOf(instance)])).toEqual(
        wanted.flatMap(({ doc_id, context_hashes, continuations }) =>
          context_hashes.map((hash, i) => [
            doc_id,
            hash,
            typeof continuations[i] === 'string' ? continuations[i] : undefined,
          ]),
        ),
      );
    }
  });

  test('makes the same of the answers', () => {
    const scores = new Map(
      set.tasks.map((task) => {
        const answers = answersOf(entry.samples[task.name] as readonly GoldenSample[]);
        const own = instances.get(task.name) as TaskInstance[];
        return [task.name, new TaskScorer(task).score(own, answers, { bootstrapIterations: entry.bootstrap })];
      }),
    );
    for (const [name, wanted] of Object.entries(entry.samples)) {
      const samples = (scores.get(name)?.samples ?? []) as readonly Sample[];
      expect(samples.map(short)).toEqual(wanted.map(shortened));
    }
    const got = JSON.parse(JSON.stringify(resultsOf(set, scores)));
    for (const key of [
      'results',
      'groups',
      'group_subtasks',
      'versions',
      'n-shot',
      'higher_is_better',
      'n-samples',
    ] as const)
      expect(got[key], key).toEqual(entry[key]);
  });
});

function contextOf({ request }: TaskInstance): string {
  if (isOfSenses(request)) throw new Error('the harness has no such tasks');
  return request.kind === 'rolling' ? request.text : request.context;
}

const continuationOf = ({ request }: TaskInstance): string | undefined =>
  request.kind === 'loglikelihood' ? request.continuation : undefined;

/** The answers of the first filter, in the order of the requests. */
function answersOf(samples: readonly GoldenSample[]): EvaluationAnswer[] {
  const [{ filter }] = samples as [GoldenSample];
  return samples
    .filter((sample) => sample.filter === filter)
    .flatMap(({ resps }) =>
      resps.map(([answer]): EvaluationAnswer => {
        if (Array.isArray(answer))
          return { kind: 'loglikelihood', logProbability: answer[0] as number, isGreedy: answer[1] as boolean };
        if (typeof answer === 'number') return { kind: 'rolling', logProbability: answer, tokens: 0 };
        return { kind: 'generate', text: answer as string };
      }),
    );
}

const short = (sample: Sample) => ({
  doc_id: sample.doc_id,
  filter: sample.filter,
  target: sample.target,
  filtered: sample.filtered_resps,
  hashes: [sample.doc_hash, sample.prompt_hash, sample.target_hash],
  metrics: Object.fromEntries(sample.metrics.map((name) => [name, sample[name]])),
});

const shortened = (sample: GoldenSample) => ({
  doc_id: sample.doc_id,
  filter: sample.filter,
  target: pythonStr(sample.target),
  filtered: sample.filtered_resps.map(sanitized),
  hashes: sample.hashes,
  metrics: sample.metrics,
});

/** As the harness writes answers to its files. */
function sanitized(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sanitized);
  return typeof value === 'number' && Number.isInteger(value) ? `${value}.0` : pythonStr(value);
}
