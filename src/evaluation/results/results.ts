/** The results of a run, in the form of the harness's file. */
import type { Task, TaskGroup, TaskSet } from '../tasks/task.ts';
import { plainNumber } from '../tasks/whole-float.ts';
import { dumpedConfig } from './config.ts';
import { groupMetrics, type Metrics } from './group-metrics.ts';
import { hashOf } from './sample.ts';
import { isHigherBetter, metricsOf, type TaskScore } from './score.ts';

export interface Results {
  readonly results: Readonly<Record<string, Metrics>>;
  readonly groups?: Readonly<Record<string, Metrics>>;
  readonly group_subtasks: Readonly<Record<string, readonly string[]>>;
  readonly configs: Readonly<Record<string, unknown>>;
  readonly versions: Readonly<Record<string, number | string | null>>;
  readonly 'n-shot': Readonly<Record<string, number>>;
  readonly higher_is_better: Readonly<Record<string, Readonly<Record<string, boolean | null>>>>;
  readonly 'n-samples': Readonly<Record<string, { readonly original: number; readonly effective: number }>>;
  readonly task_hashes: Readonly<Record<string, string>>;
}

/** `scores`: by the names of tasks. */
export function resultsOf({ tasks, groups }: TaskSet, scores: ReadonlyMap<string, TaskScore>): Results {
  const scoreOf = (task: Task): TaskScore => scores.get(task.name) as TaskScore;
  const metrics = new Map<string, Metrics>();
  for (const task of tasks) {
    const { metrics: own, documents } = scoreOf(task);
    metrics.set(task.name, {
      name: task.name,
      alias: task.config.task_alias ?? task.name,
      sample_len: documents,
      ...own,
    });
  }
  const taskMetrics = new Map(metrics);
  for (const group of groups) metrics.set(group.name, groupMetrics(group, leavesOf(group, groups), taskMetrics));
  const averaged = groups.filter((group) => group.metrics.length > 0);
  const byTask = <T>(value: (task: Task) => T): [string, T][] => tasks.map((task) => [task.name, value(task)]);
  const shots = new Map(byTask(({ config }) => config.num_fewshot ?? 0));
  const better = new Map<string, Readonly<Record<string, boolean | null>>>(byTask(betterOf));
  // Groups before their children, as in the harness: what only a child group has is not told of its parent.
  for (const group of [...groups].reverse()) {
    const counts = new Set(group.children.flatMap((child) => shots.get(child) ?? []));
    if (counts.size === 1) shots.set(group.name, [...counts][0] as number);
    const common = agreed(group.children.map((child) => better.get(child) ?? {}));
    if (Object.keys(common).length > 0) better.set(group.name, common);
  }
  return {
    results: Object.fromEntries(metrics),
    ...(averaged.length > 0 && {
      groups: Object.fromEntries(averaged.map(({ name }) => [name, metrics.get(name) as Metrics])),
    }),
    group_subtasks: Object.fromEntries(groups.map(({ name, children }) => [name, children])),
    configs: sorted(byTask(dumpedConfig)),
    versions: sorted([...byTask(versionOf), ...groups.map(({ name, version }): [string, string] => [name, version])]),
    'n-shot': sorted([...shots]),
    higher_is_better: sorted([...better]),
    'n-samples': Object.fromEntries(
      byTask((task) => ({ original: task.documents.length, effective: scoreOf(task).documents })),
    ),
    task_hashes: Object.fromEntries(byTask((task) => taskHash(scoreOf(task)))),
  };
}

/** Names of all tasks in a group and in its groups. */
export function leavesOf(group: TaskGroup, groups: readonly TaskGroup[]): string[] {
  return group.children.flatMap((child) => {
    const inner = groups.find(({ name }) => name === child);
    return inner ? leavesOf(inner, groups) : [child];
  });
}

const betterOf = (task: Task): Record<string, boolean> =>
  Object.fromEntries(metricsOf(task).map((metric) => [metric.metric, isHigherBetter(metric)]));

/** What the parts of a group say in common; null where they differ. */
function agreed(parts: readonly Readonly<Record<string, boolean | null>>[]): Record<string, boolean | null> {
  const all: Record<string, boolean | null> = {};
  for (const part of parts)
    for (const [metric, is] of Object.entries(part))
      all[metric] = Object.hasOwn(all, metric) && all[metric] !== is ? null : is;
  return all;
}

function versionOf({ config }: Task): number | string {
  const version = plainNumber(config.metadata?.version);
  return typeof version === 'number' || typeof version === 'string' ? version : 'Yaml';
}

const taskHash = ({ samples }: TaskScore): string =>
  hashOf(samples.map((sample) => sample.doc_hash + sample.prompt_hash + sample.target_hash).join(''));

const sorted = <T>(entries: readonly (readonly [string, T])[]): Record<string, T> =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
