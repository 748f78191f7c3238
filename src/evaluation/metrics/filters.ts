/** Filters: what is taken from answers before they are scored (lm_eval/filters of the harness). */
import { quote, UsageError } from '../../base/errors.ts';
import { strip } from '../tasks/python-methods.ts';
import { pythonRegex } from '../tasks/python-regex.ts';
import type { FilterConfig, TaskConfig } from '../tasks/task-config.ts';

/** The answers to one request: one for each repetition, until `take_first` leaves one of them. */
type Filter = (answers: unknown) => unknown;

type FilterStep = FilterConfig['filter'][number];

const each =
  (change: (answer: string) => unknown): Filter =>
  (answers) =>
    (answers as unknown[]).map((answer) => change(typeof answer === 'string' ? answer : ''));

const FILTERS: Readonly<Record<string, { readonly options: readonly string[]; make(step: FilterStep): Filter }>> = {
  take_first: { options: [], make: () => (answers) => (answers as unknown[])[0] },
  take_first_k: {
    options: ['k'],
    make:
      ({ k }) =>
      (answers) =>
        (answers as unknown[]).slice(0, Number(k)),
  },
  majority_vote: { options: [], make: () => (answers) => [mostFrequent(answers as unknown[])] },
  remove_whitespace: { options: [], make: () => each((answer) => strip(answer)) },
  lowercase: { options: [], make: () => each((answer) => answer.toLowerCase()) },
  uppercase: { options: [], make: () => each((answer) => answer.toUpperCase()) },
  map: {
    options: ['mapping_dict', 'default_value'],
    make: ({ mapping_dict: mapping = {}, default_value: otherwise = null }) =>
      each((answer) =>
        Object.hasOwn(mapping as object, answer) ? (mapping as Record<string, unknown>)[answer] : otherwise,
      ),
  },
  regex: { options: ['regex_pattern', 'group_select', 'fallback'], make: regexFilter },
};

export interface FilterLine {
  readonly name: string;
  readonly apply: Filter;
}

/** Throws UsageError on filters and options that are not known. `who`: the task's name. */
export function filtersOf(config: TaskConfig, who: string): FilterLine[] {
  const lines = config.filter_list ?? [{ name: 'none', filter: [{ function: 'take_first' }] }];
  return lines.map(({ name, filter }) => {
    const steps = filter.map((step) => filterOf(step, `the filter '${name}' of the task ${who}`, config.repeats ?? 1));
    return { name, apply: (answers) => steps.reduce((left, step) => step(left), answers) };
  });
}

function filterOf(step: FilterStep, where: string, repeats: number): Filter {
  const { function: name, ...options } = step;
  const known = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
  if (!known)
    throw new UsageError(
      `${where} has the step '${name}', which is not supported: wanted ${Object.keys(FILTERS).join(', ')}.`,
    );
  const unknown = Object.keys(options).find((option) => !known.options.includes(option));
  if (unknown !== undefined)
    throw new UsageError(
      `${where}: '${name}' has no option '${unknown}'; it has ${known.options.join(', ') || 'none'}.`,
    );
  if (name === 'take_first_k' && !(Number(options.k) <= repeats))
    throw new UsageError(
      `${where}: take_first_k has k: ${quote(options.k)}, but there are ${repeats} answers to each request; 'repeats' of the task says how many.`,
    );
  return known.make(step);
}

/** The group `group_select` of all that was found; of several groups within the pattern the first that is not empty. */
function regexFilter(step: FilterStep): Filter {
  const pattern = String(step.regex_pattern ?? '#### (\\-?[0-9\\.\\,]+)');
  const place = Number(step.group_select ?? 0);
  const fallback = step.fallback ?? '[invalid]';
  const regex = pythonRegex(pattern);
  return each((answer) => {
    const found = [...answer.matchAll(regex)];
    if (found.length === 0) return fallback;
    const match = found.at(place);
    if (!match)
      throw new UsageError(`the filter ${pattern} found ${found.length} matches, but group_select is ${place}.`);
    const groups = match.slice(1).map((group) => group ?? '');
    if (groups.length === 0) return strip(match[0]);
    return groups.length === 1
      ? strip(groups[0] as string)
      : strip(groups.find((group) => group !== '') ?? String(fallback));
  });
}

function mostFrequent(answers: readonly unknown[]): unknown {
  const counts = new Map<unknown, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  let best = answers[0];
  for (const [answer, count] of counts) if (count > (counts.get(best) ?? 0)) best = answer;
  return best;
}
