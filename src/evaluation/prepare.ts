/** From tasks to requests, and from answers to results. */
import { type Seeds, seedsOf } from './options.ts';
import type { EvaluationOutput, PreparedEvaluation, PreparedTask, RunFacts } from './prepared.ts';
import { resultsOf } from './results/results.ts';
import { BOOTSTRAP_ITERATIONS, type TaskScore, TaskScorer } from './results/score.ts';
import { instancesOf } from './tasks/instances.ts';
import type { Task, TaskSet } from './tasks/task.ts';

export interface PrepareTasksOptions {
  readonly limit?: number | undefined;
  readonly seed?: number | readonly number[] | undefined;
  /** Draws of the bootstrap, from which some standard errors come; 0: no standard errors. */
  readonly bootstrapIterations?: number | undefined;
}

interface Ready extends PreparedTask {
  readonly scorer: TaskScorer;
  readonly source: Task;
}

/** Throws UsageError when a task asks for what is not supported, or a row lacks what it reads. */
export function prepareTasks(set: TaskSet, options: PrepareTasksOptions = {}): PreparedEvaluation {
  const { limit, seed, bootstrapIterations = BOOTSTRAP_ITERATIONS } = options;
  const seeds: Seeds = seedsOf(seed);
  const tasks = set.tasks.map((task): Ready => {
    const scorer = new TaskScorer(task);
    return {
      name: task.name,
      instances: instancesOf(task, { limit, seed: seeds[3] }),
      score: (docId, answers) => scorer.document(docId, answers),
      scorer,
      source: task,
    };
  });
  return {
    tasks,
    output(answers, facts): EvaluationOutput {
      const scores = new Map<string, TaskScore>(
        tasks.map(({ name, scorer, instances }, i) => [
          name,
          scorer.score(instances, answers[i] ?? [], { bootstrapIterations }),
        ]),
      );
      return {
        results: { ...resultsOf(set, scores), ...runRecord(facts, limit, bootstrapIterations) },
        samples: new Map([...scores].map(([name, { samples }]) => [name, samples])),
      };
    },
  };
}

/** What the harness's file tells about a run. */
function runRecord(
  { modelName, started, seeds, record }: RunFacts,
  limit: number | undefined,
  iterations: number,
): Record<string, unknown> {
  const [random, numpy, torch, fewshot] = seeds;
  return {
    config: {
      model: 'portmanteau',
      model_args: { pretrained: modelName },
      ...record,
      batch_size: null,
      batch_sizes: [],
      device: 'cpu',
      use_cache: null,
      limit: limit ?? null,
      bootstrap_iters: iterations,
      gen_kwargs: null,
      random_seed: random,
      numpy_seed: numpy,
      torch_seed: torch,
      fewshot_seed: fewshot,
    },
    git_hash: null,
    date: Date.parse(started) / 1000,
    model_source: 'portmanteau',
    model_name: modelName,
    model_name_sanitized: modelName.replace(/["<>:/|\\?*[\]]+/g, '__'),
    system_instruction: null,
    system_instruction_sha: null,
    fewshot_as_multiturn: false,
    chat_template: null,
    chat_template_sha: null,
  };
}
