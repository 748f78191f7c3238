/** Results as a table, in the form that lm-evaluation-harness prints: one row for each metric and filter of a task. */

/** Results in the harness's form; what else its file has is not needed here. */
export interface ResultTables {
  readonly results: Tables;
  readonly groups?: Tables | undefined;
  readonly versions?: Readonly<Record<string, number | string | null>> | undefined;
  readonly 'n-shot'?: Readonly<Record<string, number>> | undefined;
  readonly higher_is_better?: Readonly<Record<string, Readonly<Record<string, boolean | null>>>> | undefined;
  readonly group_subtasks?: Readonly<Record<string, readonly string[]>> | undefined;
}

type Tables = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const HEAD = ['Tasks', 'Version', 'Filter', 'n-shot', 'Metric', '', 'Value', '', 'Stderr'];

/** Columns of numbers, which are aligned on the right. */
const NUMBERS = [1, 3, 6, 8];

/** `column`: the tasks with their groups, or the groups alone. */
export function resultTable(tables: ResultTables, column: 'results' | 'groups' = 'results'): string {
  const own = tables[column] ?? {};
  const rows = hierarchyOf(Object.keys(own), tables.group_subtasks ?? {}).flatMap(({ name, depth }) =>
    rowsOf(name, depth, own[name] ?? {}, tables),
  );
  return markdown([column === 'groups' ? 'Groups' : 'Tasks', ...HEAD.slice(1)], rows);
}

/** Groups come before their tasks, which are indented. */
function hierarchyOf(
  names: readonly string[],
  subtasks: Readonly<Record<string, readonly string[]>>,
): { readonly name: string; readonly depth: number }[] {
  const inside = new Set(Object.values(subtasks).flat());
  const found: { name: string; depth: number }[] = [];
  const seen = new Set<string>();
  const add = (name: string, depth: number): void => {
    if (seen.has(name)) return;
    seen.add(name);
    if (names.includes(name)) found.push({ name, depth });
    for (const one of subtasks[name] ?? []) add(one, names.includes(name) ? depth + 1 : depth);
  };
  for (const name of names) if (!inside.has(name)) add(name, 0);
  for (const name of names) add(name, 0);
  return found;
}

function rowsOf(
  name: string,
  depth: number,
  values: Readonly<Record<string, unknown>>,
  tables: ResultTables,
): string[][] {
  const shown = `${depth > 0 ? `${' '.repeat(depth)}- ` : ''}${String(values.alias ?? name).replace(/^[ -]*/, '')}`;
  const metrics = Object.entries(values).filter(
    ([key]) => key.includes(',') && !key.split(',')[0]?.endsWith('_stderr'),
  );
  return metrics
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value], i) => {
      const [metric = '', filter = ''] = key.split(',');
      const error = values[`${metric}_stderr,${filter}`];
      const better = tables.higher_is_better?.[name]?.[metric];
      return [
        i === 0 ? shown : '',
        i === 0 ? String(tables.versions?.[name] ?? 'N/A') : '',
        filter,
        String(tables['n-shot']?.[name] ?? ''),
        metric,
        better === true ? '↑' : better === false ? '↓' : '',
        fourDigits(value),
        error === undefined ? '' : '±',
        error === undefined ? '' : fourDigits(error),
      ];
    });
}

const fourDigits = (value: unknown): string => (typeof value === 'number' ? value.toFixed(4) : String(value));

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length), 1));
  const cell = (text: string, i: number) =>
    NUMBERS.includes(i) ? text.padStart(widths[i] as number) : text.padEnd(widths[i] as number);
  const line = (row: readonly string[]) => `|${row.map(cell).join('|')}|\n`;
  const rule = widths.map((width, i) => (NUMBERS.includes(i) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return `${line(head)}|${rule.join('|')}|\n${rows.map(line).join('')}`;
}
