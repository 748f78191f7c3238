/** Means of the metrics so far, while a run goes on. */
import type { PreparedTask, RequestPlace } from './prepared.ts';
import type { EvaluationAnswer } from './requests.ts';

export interface RunningMean {
  readonly task: string;
  readonly metric: string;
  readonly mean: number;
  readonly documents: number;
}

interface Sum {
  total: number;
  documents: number;
}

export class RunningMeans {
  /** Requests of each document. */
  readonly #counts = new Map<PreparedTask, Map<number, number>>();
  readonly #open = new Map<PreparedTask, Map<number, (EvaluationAnswer | undefined)[]>>();
  readonly #sums = new Map<PreparedTask, Map<string, Sum>>();

  constructor(tasks: readonly PreparedTask[]) {
    for (const task of tasks) {
      const counts = new Map<number, number>();
      for (const { docId } of task.instances) counts.set(docId, (counts.get(docId) ?? 0) + 1);
      this.#counts.set(task, counts);
      this.#open.set(task, new Map());
      this.#sums.set(task, new Map());
    }
  }

  add({ task, docId, place }: RequestPlace, answer: EvaluationAnswer): void {
    const open = this.#open.get(task) as Map<number, (EvaluationAnswer | undefined)[]>;
    const answers = open.get(docId) ?? [];
    open.set(docId, answers);
    answers[place] = answer;
    // Of a list with holes, only the entries are counted.
    if (answers.filter(() => true).length < (this.#counts.get(task)?.get(docId) as number)) return;
    open.delete(docId);
    const sums = this.#sums.get(task) as Map<string, Sum>;
    for (const [metric, value] of Object.entries(task.score(docId, answers as EvaluationAnswer[]))) {
      const { total, documents } = sums.get(metric) ?? { total: 0, documents: 0 };
      sums.set(metric, { total: total + value, documents: documents + 1 });
    }
  }

  /** The first metric of each task of which a document is answered. */
  get means(): RunningMean[] {
    return [...this.#sums].flatMap(([{ name }, sums]) => {
      const [first] = sums;
      if (!first) return [];
      const [metric, { total, documents }] = first;
      return [{ task: name, metric, mean: total / documents, documents }];
    });
  }
}
