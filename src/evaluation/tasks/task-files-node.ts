/** Finds task files in folders and reads them with what they include (lm_eval/tasks/_yaml_loader.py of the harness). */
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { hookMeant } from '../hooks/index.ts';
import type { Definition } from './catalogue.ts';
import { isFunction } from './document.ts';
import { parseTaskYaml } from './yaml.ts';

const SKIPPED = new Set(['__pycache__', '.ipynb_checkpoints', 'node_modules', '.git']);

type Keys = Readonly<Record<string, unknown>>;

/** The tasks and groups in all *.yaml of a folder, or in one file. Throws UsageError when a file cannot be read, or two have the same name. */
export async function definitionsIn(path: string): Promise<Definition[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new UsageError(`the folder of tasks '${path}' does not exist.`);
  const files = found.isFile() ? [resolve(path)] : (await yamlFiles(resolve(path))).sort();
  if (files.length === 0) throw new UsageError(`the folder of tasks '${path}' has no *.yaml.`);
  const definitions = new Map<string, Definition>();
  for (const file of files) {
    const definition = await definitionIn(file);
    const before = definition && definitions.get(definition.name);
    if (before) throw new UsageError(`${file} defines '${definition.name}', as does ${before.source}.`);
    if (definition) definitions.set(definition.name, definition);
  }
  return [...definitions.values()];
}

async function yamlFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = entries.map(async (entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : yamlFiles(path);
    return entry.name.endsWith('.yaml') ? [path] : [];
  });
  return (await Promise.all(found)).flat();
}

/** Undefined for a file that defines neither, such as one that others include. */
async function definitionIn(file: string): Promise<Definition | undefined> {
  const keys = await keysIn(file, []);
  const { group, task } = keys;
  if (typeof group === 'string') return { name: group, kind: 'group', keys, source: file };
  if (typeof task !== 'string') return undefined;
  return { name: task, kind: 'task', keys: withMeanings(keys), source: file };
}

/** Keys of a file win over those of the files that it includes, and later ones of these over earlier ones. */
async function keysIn(file: string, before: readonly string[]): Promise<Keys> {
  if (before.includes(file)) throw new UsageError(`${file} includes itself: ${[...before, file].join(' > ')}.`);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const by = before.at(-1);
    throw new UsageError(
      `${file}${by === undefined ? '' : `, which ${by} includes,`} cannot be read: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}.`,
    );
  });
  const { include, ...own } = parseTaskYaml(text, file);
  const names = include === undefined || include === null ? [] : Array.isArray(include) ? include : [include];
  let merged: Keys = {};
  for (const name of names) {
    if (typeof name !== 'string') throw new UsageError(`${file}: 'include' wants paths of files.`);
    const { task_list: _, ...keys } = await keysIn(isAbsolute(name) ? name : join(dirname(file), name), [
      ...before,
      file,
    ]);
    merged = { ...merged, ...keys };
  }
  return { ...merged, ...own };
}

/** Functions get the names under which they are known here. */
function withMeanings(keys: Keys): Keys {
  const about = `${String(keys.task)} ${String(keys.dataset_path)}`;
  const meant = (value: unknown): unknown => {
    if (isFunction(value)) return { function: hookMeant(value.function, about) };
    return value;
  };
  const few = keys.fewshot_config;
  const named = Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, meant(value)]));
  if (typeof few !== 'object' || few === null) return named;
  return {
    ...named,
    fewshot_config: Object.fromEntries(Object.entries(few).map(([key, value]) => [key, meant(value)])),
  };
}
