/** Columns of rows: names that a task expects, and places that some rows leave empty. */
import { UsageError } from '../../base/errors.ts';
import type { Row } from '../tasks/task-config.ts';

/** All rows get all columns, in the order of their first use; what a row lacks is null. */
export function withAllColumns(rows: readonly Row[]): Row[] {
  const columns = columnsOf(rows);
  return rows.map((row) => Object.fromEntries(columns.map((name) => [name, row[name] ?? null])));
}

export function columnsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

/** `names`: the name that the task expects -> that of the column. Columns without another name stay. */
export function renamed(rows: readonly Row[], names: Readonly<Record<string, string>>, where: string): Row[] {
  const there = columnsOf(rows);
  for (const [wanted, name] of Object.entries(names))
    if (!there.includes(name))
      throw new UsageError(
        `${where} has no column '${name}', which is to be read as '${wanted}': it has ${there.join(', ')}.`,
      );
  const back = new Map(Object.entries(names).map(([wanted, name]) => [name, wanted]));
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [back.get(name) ?? name, value])),
  );
}
