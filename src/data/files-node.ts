/** Which files `data.files` means: paths, folders and patterns, in an order that does not depend on the disk. */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { UsageError } from '../base/errors.ts';
import type { FILE_KINDS } from './options.ts';

export type FileKind = (typeof FILE_KINDS)[number];

export interface DataFile {
  readonly path: string;
  readonly kind: FileKind;
  readonly isGzip: boolean;
}

const ENDINGS: Readonly<Record<string, FileKind>> = {
  txt: 'text',
  text: 'text',
  md: 'text',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  json: 'jsonl',
  parquet: 'parquet',
};

/** `.json` is as often settings as data. */
const IN_FOLDERS = Object.keys(ENDINGS).filter((ending) => ending !== 'json');

const endingOf = (path: string): string => /\.(\w+)(\.gz)?$/i.exec(path)?.[1]?.toLowerCase() ?? '';

/**
 * The files in the order of `names`; those of a folder or pattern by name. A file that is meant twice counts once. Throws UsageError when a name means
 * no file, or the kind of a file is not clear.
 */
export async function findFiles(
  names: string | readonly string[],
  directory: string,
  kind?: FileKind,
): Promise<DataFile[]> {
  const found = new Map<string, DataFile>();
  for (const name of [names].flat()) {
    const paths = await pathsOf(name, directory, kind);
    if (paths.length === 0) throw noFile(name, directory, kind);
    for (const path of paths) if (!found.has(path)) found.set(path, fileOf(path, kind));
  }
  return [...found.values()];
}

function noFile(name: string, directory: string, kind: FileKind | undefined): UsageError {
  if (!existsSync(resolve(directory, name)))
    return new UsageError(`data.files: '${name}' means no file in ${directory}: check the spelling.`);
  const known = `of the kinds ${IN_FOLDERS.join(', ')}, also with .gz: name files, or set data.kind`;
  return new UsageError(`data.files: the folder '${name}' has no file${kind === undefined ? ` ${known}` : ''}.`);
}

async function pathsOf(name: string, directory: string, kind: FileKind | undefined): Promise<string[]> {
  const path = resolve(directory, name);
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isDirectory()) return inFolder(path, kind);
  if (facts) return [path];
  if (!isDynamicPattern(name)) return [];
  return (await glob(name, { cwd: directory, absolute: true, expandDirectories: false }))
    .map((each) => resolve(each))
    .sort();
}

/** Files of known kinds in a folder and those below; with `kind`, all. Hidden ones are passed over. */
async function inFolder(folder: string, kind: FileKind | undefined): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const visible = entries.filter(({ name }) => !name.startsWith('.')).sort((a, b) => (a.name < b.name ? -1 : 1));
  const lists = await Promise.all(
    visible.map(async ({ name }) => {
      const path = join(folder, name);
      if ((await stat(path)).isDirectory()) return inFolder(path, kind);
      const ending = endingOf(path);
      return kind !== undefined || IN_FOLDERS.includes(ending) ? [path] : [];
    }),
  );
  return lists.flat();
}

function fileOf(path: string, given: FileKind | undefined): DataFile {
  const ending = endingOf(path);
  const kind = given ?? (Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending] : undefined);
  if (!kind)
    throw new UsageError(
      `${path}: its ending does not say what it is; known are ${Object.keys(ENDINGS).join(', ')}, also with .gz. Set data.kind to text, jsonl or parquet.`,
    );
  return { path, kind, isGzip: /\.gz$/i.test(path) };
}
