/** Means of the metrics so far, while a run goes on. */
import type { PreparedTask, RequestPlace } from './prepared.ts';
import type { EvaluationAnswer } from './requests.ts';

export interface RunningMean {
  readonly task: string;
  readonly metric: string;
  readonly mean: number;
  readonly documents: number;
}

export class RunningMeans {
  readonly #tasks: readonly PreparedTask[];
  readonly #open = new Map<string, { readonly answers: (EvaluationAnswer | undefined)[]; left: number }>();
  readonly #sums: Map<string, { sum: number; count: number }>[];

  constructor(tasks: readonly PreparedTask[]) {
    this.#tasks = tasks;
    this.#sums = tasks.map(() => new Map());
  }

  add({ task, document, place }: RequestPlace, answer: EvaluationAnswer): void {
    const prepared = this.#tasks[task] as PreparedTask;
    const key = `${task} ${document}`;
    const open = this.#open.get(key) ?? { answers: [], left: prepared.documents[document]?.requests.length ?? 0 };
    this.#open.set(key, open);
    open.answers[place] = answer;
    open.left--;
    if (open.left > 0) return;
    this.#open.delete(key);
    const metrics = prepared.score(document, open.answers as EvaluationAnswer[]);
    for (const [metric, value] of Object.entries(metrics)) {
      const sums = this.#sums[task] as Map<string, { sum: number; count: number }>;
      const { sum, count } = sums.get(metric) ?? { sum: 0, count: 0 };
      sums.set(metric, { sum: sum + value, count: count + 1 });
    }
  }

  /** The first metric of each task that has a document. */
  get means(): RunningMean[] {
    return this.#tasks.flatMap(({ name }, i) => {
      const [first] = [...(this.#sums[i] as Map<string, { sum: number; count: number }>)];
      if (!first) return [];
      const [metric, { sum, count }] = first;
      return [{ task: name, metric, mean: sum / count, documents: count }];
    });
  }
}
