/** What a run asks of a model: the requests of its tasks, and where each belongs. */
import type { Seeds } from './options.ts';
import type { EvaluationAnswer, EvaluationRequest } from './requests.ts';
import type { TaskInstance } from './tasks/task.ts';

/** A task whose requests are made. */
export interface PreparedTask {
  readonly name: string;
  /** Those of a document stand together, in its order. */
  readonly instances: readonly TaskInstance[];
  /** Metrics of a document whose requests are all answered; they show how a run goes. */
  score(docId: number, answers: readonly EvaluationAnswer[]): Readonly<Record<string, number>>;
}

/** Where a request of a run belongs. */
export interface RequestPlace {
  readonly task: PreparedTask;
  readonly docId: number;
  /** Which of the document's requests it is. */
  readonly place: number;
}

/** All requests of a run in the order of tasks and documents, and where they belong. */
export function requestsOf(tasks: readonly PreparedTask[]): {
  readonly requests: readonly EvaluationRequest[];
  readonly places: readonly RequestPlace[];
} {
  const requests: EvaluationRequest[] = [];
  const places: RequestPlace[] = [];
  for (const task of tasks) {
    let [last, place] = [-1, 0];
    for (const { docId, request } of task.instances) {
      place = docId === last ? place + 1 : 0;
      last = docId;
      requests.push(request);
      places.push({ task, docId, place });
    }
  }
  return { requests, places };
}

/** The answers of each task, in the order of its requests. */
export function answersByTask(
  tasks: readonly PreparedTask[],
  answers: readonly (EvaluationAnswer | undefined)[],
): (readonly (EvaluationAnswer | undefined)[])[] {
  let first = 0;
  return tasks.map(({ instances }) => {
    const own = answers.slice(first, first + instances.length);
    first += instances.length;
    return own;
  });
}

/** What the results tell about a run beside its answers. */
export interface RunFacts {
  readonly modelName: string;
  /** When the run began: ISO 8601. */
  readonly started: string;
  readonly seeds: Seeds;
  /** What else is recorded, such as the format of weights or an adapter. */
  readonly record: Readonly<Record<string, unknown>>;
}

/** Results in the form of the harness's file. */
export interface EvaluationResults {
  readonly results: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly groups?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly versions?: Readonly<Record<string, number | string | null>>;
  readonly 'n-shot'?: Readonly<Record<string, number>>;
  readonly higher_is_better?: Readonly<Record<string, Readonly<Record<string, boolean | null>>>>;
  readonly group_subtasks?: Readonly<Record<string, readonly string[]>>;
  readonly [key: string]: unknown;
}

export interface EvaluationOutput {
  readonly results: EvaluationResults;
  /** By task: a row for each document and filter. */
  readonly samples: ReadonlyMap<string, readonly object[]>;
}

/** Tasks that are ready to be answered, and how their answers become results. */
export interface PreparedEvaluation {
  readonly tasks: readonly PreparedTask[];
  /** `answers`: of each task, in the order of its requests; undefined where there is none, and the document is then left out. */
  output(answers: readonly (readonly (EvaluationAnswer | undefined)[])[], facts: RunFacts): EvaluationOutput;
}
