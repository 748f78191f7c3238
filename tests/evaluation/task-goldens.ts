/** What lm-evaluation-harness 0.4.13 makes of tasks: tests/golden/evaluation/tasks.json. */
import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { builtInDefinitions } from '../../src/evaluation/built-in/index.ts';
import { isFunction } from '../../src/evaluation/tasks/document.ts';

export interface GoldenSample {
  readonly doc_id: number;
  readonly filter: string;
  readonly target: unknown;
  /** Of the first document only. */
  readonly contexts: readonly string[];
  readonly context_hashes: readonly string[];
  readonly continuations: readonly unknown[];
  readonly resps: readonly (readonly unknown[])[];
  readonly filtered_resps: readonly unknown[];
  readonly hashes: readonly string[];
  readonly metrics: Readonly<Record<string, unknown>>;
}

export interface GoldenCase {
  readonly name: string;
  readonly task: string;
  /** Keys that replace those of a built-in task; null for a task of files. */
  readonly keys: Readonly<Record<string, unknown>> | null;
  readonly limit: number | null;
  readonly bootstrap: number;
  readonly samples: Readonly<Record<string, readonly GoldenSample[]>>;
  readonly [part: string]: unknown;
}

const fileAt = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const TASKS = fileAt('../fixtures/evaluation/tasks');

export const golden = JSON.parse(readFileSync(fileAt('../golden/evaluation/tasks.json'), 'utf8')) as {
  readonly model: string;
  readonly cases: readonly GoldenCase[];
};

/** Task files for a case: the folder of the fixtures, or a built-in task written with other keys, as users would. */
export async function taskFiles({ task, keys }: GoldenCase): Promise<string> {
  if (!keys) return TASKS;
  const built = builtInDefinitions(2).find(({ name }) => name === task);
  const kwargs = keys.dataset_kwargs as { readonly data_files: Readonly<Record<string, string>> };
  const files = Object.fromEntries(
    Object.entries(kwargs.data_files).map(([split, file]) => [split, resolve(TASKS, file)]),
  );
  const all = { ...built?.keys, ...keys, dataset_kwargs: { data_files: files } };
  const written = Object.entries(all).map(([key, value]) =>
    isFunction(value) ? `${key}: !function ${value.function}\n` : stringify({ [key]: value }, { version: '1.1' }),
  );
  const path = join(await mkdtemp(join(tmpdir(), 'portmanteau-task-')), 'task.yaml');
  await writeFile(path, written.join(''));
  return path;
}
