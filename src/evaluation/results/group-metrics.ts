/** Averages of groups and their standard errors (lm_eval/api/group.py and metrics.py of the harness). */
import { sum } from '../metrics/sums.ts';
import type { TaskGroup } from '../tasks/task.ts';

export type Metrics = Readonly<Record<string, unknown>>;

/** `tasks`: the metrics of all tasks, with `sample_len`. `leaves`: the names of the group's tasks and those of its groups. */
export function groupMetrics(
  group: TaskGroup,
  leaves: readonly string[],
  tasks: ReadonlyMap<string, Metrics>,
): Metrics {
  const head = { alias: group.alias ?? group.name, name: group.name };
  if (group.metrics.length === 0) return head;
  const found = leaves.flatMap((leaf): Metrics[] => {
    const one = tasks.get(leaf);
    return one ? [one] : [];
  });
  const values: Record<string, unknown> = {};
  const counts: Record<string, number> = {};
  for (const { metric, weight_by_size: isWeighted = true, filter_list: filters } of group.metrics) {
    const named = typeof filters === 'string' ? [filters] : filters;
    for (const filter of named ?? filtersOf(metric, found)) {
      const key = `${metric},${filter}`;
      const having = found.filter((one) => Object.hasOwn(one, key));
      if (having.length === 0) continue;
      const sizes = having.map((one) => one.sample_len as number);
      const scores = having.map((one) => one[key] as number);
      const errors = having.map((one) => one[`${metric}_stderr,${filter}`]);
      values[key] = isWeighted
        ? sum(scores.map((score, i) => score * (sizes[i] as number))) / sum(sizes)
        : sum(scores) / scores.length;
      counts[key] = sum(sizes);
      const isKnown = errors.every((error): error is number => typeof error === 'number');
      values[`${metric}_stderr,${filter}`] = isKnown
        ? isWeighted
          ? pooledError(errors, sizes)
          : unweightedError(errors)
        : 'N/A';
    }
  }
  const total = sum(found.map((one) => one.sample_len as number));
  return { ...head, sample_len: total, ...values, ...(Object.keys(counts).length > 0 && { sample_count: counts }) };
}

/** Filters for which the tasks have this metric, in alphabetical order. */
function filtersOf(metric: string, tasks: readonly Metrics[]): string[] {
  const prefix = `${metric},`;
  const keys = tasks.flatMap((one) => Object.keys(one).filter((key) => key.startsWith(prefix)));
  return [...new Set(keys.map((key) => key.slice(prefix.length)))].sort();
}

/** Standard error of a mean that is weighted by size, from those of its parts: variances are pooled. */
export function pooledError(errors: readonly number[], sizes: readonly number[]): number {
  const variance =
    sum(errors.map((error, i) => ((sizes[i] as number) - 1) * (error * error) * (sizes[i] as number))) /
    (sum(sizes) - sizes.length);
  return Math.sqrt(variance / sum(sizes));
}

const unweightedError = (errors: readonly number[]): number =>
  Math.sqrt(sum(errors.map((error) => error * error))) / errors.length;
