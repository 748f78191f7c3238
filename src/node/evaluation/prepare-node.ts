/** Tasks by name, with their data sets: from files and from the hub. */

import { UsageError } from '../../base/errors.ts';
import { type PrepareTasksOptions, prepareTasks } from '../../evaluation/prepare.ts';
import type { PreparedEvaluation } from '../../evaluation/prepared.ts';
import { catalogueOf, type OpenTasksOptions, openTasks } from '../../evaluation/tasks/open-tasks-node.ts';
import type { DataOrigin } from '../../evaluation/tasks/task.ts';
import type { HubOptions } from '../../hub/hub-node.ts';
import { shippedFolder } from '../shipped-node.ts';

export interface PrepareEvaluationOptions extends PrepareTasksOptions, OpenTasksOptions {
  /** Names of tasks, tags and groups; `*` for any part of a name. */
  readonly tasks: readonly string[];
  /** How data sets of the hub are downloaded. */
  readonly hub?: HubOptions | undefined;
}

export interface OpenedEvaluation extends PreparedEvaluation {
  /** Where the rows of each task come from, with licences. */
  readonly data: ReadonlyMap<string, DataOrigin>;
}

/**
 * Finds tasks, reads their data sets and makes their requests. Throws UsageError on unknown names, wrong keys of task files and rows that lack
 * what their task reads; FetchError when a download fails.
 */
export async function prepareEvaluation({
  tasks,
  hub = {},
  ...options
}: PrepareEvaluationOptions): Promise<OpenedEvaluation> {
  if (tasks.length === 0) throw new UsageError('no tasks were named.');
  const set = await openTasks(tasks, options, { hub, samples: shippedFolder('samples') });
  return { ...prepareTasks(set, options), data: new Map(set.tasks.map((task) => [task.name, task.data])) };
}

export interface ListedTask {
  readonly name: string;
  readonly kind: 'task' | 'group' | 'tag';
  /** Path of its file, or 'built in'. */
  readonly source: string;
  /** Of a group or a tag: what belongs to it. */
  readonly parts: readonly string[];
}

/** All tasks, groups and tags that are known, by name. */
export async function listTasks(options: OpenTasksOptions = {}): Promise<ListedTask[]> {
  const catalogue = await catalogueOf(options);
  const listed = catalogue.definitions.map(({ name, kind, keys, source }): ListedTask => {
    const parts = kind === 'group' ? [keys.task].flat().map(nameOf) : [];
    return { name, kind, source, parts };
  });
  const tags = catalogue.tags.map(([name, parts]): ListedTask => ({ name, kind: 'tag', source: '', parts }));
  return [...listed, ...tags].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function nameOf(member: unknown): string {
  if (typeof member === 'string') return member;
  const { task, group } = (member ?? {}) as { task?: unknown; group?: unknown };
  return String(task ?? group);
}
