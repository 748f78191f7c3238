/** Tasks that were found, with the rows of their data set, and groups of them. */
import type { EvaluationRequest } from '../requests.ts';
import type { AggregateMetric, Row, TaskConfig } from './task-config.ts';

export interface Task {
  readonly name: string;
  /** As in its file, with the keys that groups and options replaced. */
  readonly config: TaskConfig;
  /** The rows that are evaluated, all of them, as `process_docs` makes them. */
  readonly documents: readonly Row[];
  /** The rows from which examples are drawn. */
  readonly examples: readonly Row[];
  /** Names of the columns of `documents`. */
  readonly columns: readonly string[];
  /** Where the task was defined: the path of a file, or 'built in'. */
  readonly source: string;
  /** Where the rows come from, with the licence if it is known. */
  readonly data: DataOrigin;
}

export interface DataOrigin {
  readonly source: string;
  readonly licence: string | undefined;
}

export interface TaskGroup {
  readonly name: string;
  readonly alias: string | undefined;
  readonly version: string;
  readonly metrics: readonly AggregateMetric[];
  /** Names of its tasks and groups, in order. */
  readonly children: readonly string[];
}

/** What a run evaluates. Groups stand after their children. */
export interface TaskSet {
  readonly tasks: readonly Task[];
  readonly groups: readonly TaskGroup[];
}

/** One request of a document. A document of several choices has several, in their order. */
export interface TaskInstance {
  /** Number of the document, from 0. */
  readonly docId: number;
  readonly request: EvaluationRequest;
}
