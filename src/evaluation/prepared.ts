/** What a run asks of a model: tasks with their documents and requests. */
import type { EvaluationAnswer, EvaluationRequest } from './requests.ts';

export interface PreparedDocument {
  /** In the order in which the task makes them. */
  readonly requests: readonly EvaluationRequest[];
}

/** A task whose data is read and whose requests are made. */
export interface PreparedTask {
  readonly name: string;
  readonly documents: readonly PreparedDocument[];
  /** Metrics of a document whose requests are all answered, for showing how a run goes. */
  score(document: number, answers: readonly EvaluationAnswer[]): Readonly<Record<string, number>>;
}

/** Where a request of a run belongs. */
export interface RequestPlace {
  readonly task: number;
  readonly document: number;
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
  for (const [task, { documents }] of tasks.entries())
    for (const [document, { requests: own }] of documents.entries())
      for (const [place, request] of own.entries()) {
        requests.push(request);
        places.push({ task, document, place });
      }
  return { requests, places };
}
