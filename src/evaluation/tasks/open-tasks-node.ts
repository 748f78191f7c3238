/** From names of tasks to tasks with their rows. */
import { UsageError } from '../../base/errors.ts';
import { BUILT_IN, builtInDefinitions } from '../built-in/index.ts';
import { columnsOf } from '../data/columns.ts';
import { type DataPlaces, type DataSet, openDataSet } from '../data/data-set-node.ts';
import { hookNamed } from '../hooks/index.ts';
import { Catalogue, type Definition, type ResolvedTask } from './catalogue.ts';
import { isFunction } from './document.ts';
import type { Task, TaskSet } from './task.ts';
import type { NamedFunction, Row, TaskConfig } from './task-config.ts';
import { definitionsIn } from './task-files-node.ts';

export interface OpenTasksOptions {
  /** Folders or files of further tasks; they replace built-in ones of the same name. */
  readonly includePath?: string | readonly string[] | undefined;
  /** Examples before each question, but of tasks that say 0 themselves. */
  readonly numFewshot?: number | undefined;
  /** Line ends after the description of MMLU: 2, or 1 as the harness had it before version 0.4.4. */
  readonly mmluDescriptionNewlines?: 1 | 2 | undefined;
  /** A further group, by the name that --tasks then has for it: its tasks, with keys that replace their own. */
  readonly group?: { readonly name: string; readonly tasks: readonly object[] } | undefined;
}

export async function catalogueOf({
  includePath = [],
  mmluDescriptionNewlines = 2,
  group,
}: OpenTasksOptions): Promise<Catalogue> {
  const own: Definition[][] = await Promise.all([includePath].flat().map(definitionsIn));
  if (group)
    own.unshift([
      { name: group.name, kind: 'group', keys: { group: group.name, task: group.tasks }, source: BUILT_IN },
    ]);
  return new Catalogue([...builtInDefinitions(mmluDescriptionNewlines), ...own.flat()]);
}

/** Reads the data sets of the tasks. Throws UsageError on unknown names, wrong keys, and data that does not have what its task reads. */
export async function openTasks(
  names: readonly string[],
  options: OpenTasksOptions,
  places: DataPlaces,
): Promise<TaskSet> {
  const { tasks, groups } = (await catalogueOf(options)).resolve(names);
  const opened: Task[] = [];
  for (const [name, resolved] of tasks)
    opened.push(await openTask(name, withShots(resolved, options.numFewshot), places));
  return { tasks: opened, groups };
}

function withShots({ config, source }: ResolvedTask, numFewshot: number | undefined): ResolvedTask {
  const count = numFewshot === undefined || config.num_fewshot === 0 ? config.num_fewshot : numFewshot;
  return { config: { ...config, num_fewshot: count ?? 0 }, source };
}

async function openTask(name: string, { config, source }: ResolvedTask, places: DataPlaces): Promise<Task> {
  try {
    const data = openDataSet(config, source, places);
    const split = config.test_split ?? config.validation_split;
    const documents = processed(await data.rows(split as string), config.process_docs, name);
    if (documents.length === 0) throw new UsageError(`the split '${split}' of ${data.origin.source} has no rows.`);
    const examples = (config.num_fewshot ?? 0) > 0 ? await examplesOf(config, data, documents) : [];
    return { name, config, documents, examples, columns: columnsOf(documents), source, data: data.origin };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`the task ${name} (${source}): ${error.message}`, { cause: error });
  }
}

/** Where examples come from: the split that is named, or given rows, or else the first of the training, validation and test splits. */
async function examplesOf(config: TaskConfig, data: DataSet, documents: readonly Row[]): Promise<readonly Row[]> {
  const few = config.fewshot_config ?? {};
  const named = few.split ?? config.fewshot_split;
  if (named !== undefined)
    return processed(await data.rows(named), few.process_docs ?? config.process_docs, config.task);
  if (few.samples) return few.samples;
  const split = config.training_split ?? config.validation_split ?? config.test_split;
  return split === (config.test_split ?? config.validation_split)
    ? documents
    : processed(await data.rows(split as string), config.process_docs, config.task);
}

function processed(rows: readonly Row[], hook: NamedFunction | undefined, task: string): readonly Row[] {
  return isFunction(hook) ? hookNamed(hook.function, 'rows', `process_docs of the task ${task}`)(rows) : rows;
}
