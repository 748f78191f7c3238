/** The data set of a task: local files (`dataset_path: json` with `dataset_kwargs.data_files`, as in the harness) or one of the hub. */
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { OCCUPATIONS } from '../../analysis/senses/occupations.ts';
import { quote, UsageError } from '../../base/errors.ts';
import type { HubOptions } from '../../hub/hub-node.ts';
import type { DataOrigin } from '../tasks/task.ts';
import type { Row, TaskConfig } from '../tasks/task-config.ts';
import { recordsOfOneType } from './column-types.ts';
import { renamed, withAllColumns } from './columns.ts';
import { FILE_KINDS, type FileKind, type ReadOptions, readRows } from './files-node.ts';
import { hubDataSet } from './hub-data-set-node.ts';

export interface DataSet {
  readonly origin: DataOrigin;
  /** Throws UsageError when there is no such split. */
  rows(split: string): Promise<readonly Row[]>;
}

/** Keys of `dataset_kwargs` that are known. `columns` is this library's own: the task's name of a column -> its name in the file. */
const LOCAL_KEYS = ['data_files', 'data_dir', 'field', 'delimiter', 'sep', 'columns', 'license'];

/** Keys that change nothing here. */
const IGNORED_KEYS = ['trust_remote_code'];

export interface DataPlaces {
  readonly hub: HubOptions;
  /** The folder of the samples that ship with the package, as `portmanteau:NAME`; undefined when it is not found. */
  readonly samples: string | undefined;
}

/** `source`: the file of the task, beside which its data files may lie. */
export function openDataSet(config: TaskConfig, source: string, { hub, samples }: DataPlaces): DataSet {
  const { dataset_path: path = '', dataset_kwargs: all = {}, task } = config;
  const kwargs = Object.fromEntries(Object.entries(all).filter(([key]) => !IGNORED_KEYS.includes(key)));
  const kind = (FILE_KINDS as readonly string[]).includes(path) ? (path as FileKind) : undefined;
  const columns = columnMap(kwargs.columns, task);
  if (path === OCCUPATION_ROWS) return occupations;
  if (!kind) {
    const unknown = Object.keys(kwargs).find((key) => key !== 'columns' && key !== 'revision');
    if (unknown !== undefined)
      throw new UsageError(
        `dataset_kwargs of the task ${task} has '${unknown}', which is not supported for data sets of the hub.`,
      );
    return cached(JSON.stringify([path, config.dataset_name, columns, hub.endpoint, hub.cacheDir]), () =>
      hubDataSet(path, config.dataset_name, columns, hub),
    );
  }
  const unknown = Object.keys(kwargs).find((key) => !LOCAL_KEYS.includes(key));
  if (unknown !== undefined)
    throw new UsageError(
      `dataset_kwargs of the task ${task} has the unknown key '${unknown}': wanted ${LOCAL_KEYS.join(', ')}.`,
    );
  const folders = [resolve(String(kwargs.data_dir ?? '.')), resolve(dirname(source), String(kwargs.data_dir ?? '.'))];
  const files = filesBySplit(kwargs.data_files, (file) => foundFile(file, task, folders, samples));
  const options: ReadOptions = {
    field: kwargs.field === undefined ? undefined : String(kwargs.field),
    delimiter:
      kwargs.delimiter === undefined && kwargs.sep === undefined ? undefined : String(kwargs.delimiter ?? kwargs.sep),
  };
  const licence = kwargs.license === undefined ? undefined : String(kwargs.license);
  return cached(JSON.stringify([kind, [...files], options, columns]), () =>
    localDataSet(kind, files, options, columns, licence),
  );
}

/** A data set that is built in: occupations, and sentences about them. */
const OCCUPATION_ROWS = 'portmanteau:occupations';

const occupations: DataSet = {
  origin: { source: 'WinoBias and arXiv 2305.16765', licence: 'mit' },
  async rows() {
    const { words, prompts, fitPrompts, pair } = OCCUPATIONS;
    return words.map((word) => ({ word, prompts, fitPrompts, pair }));
  },
};

const SETS = new Map<string, DataSet>();

/** Tasks with the same data share them. */
function cached(key: string, open: () => DataSet): DataSet {
  const known = SETS.get(key) ?? open();
  SETS.set(key, known);
  return known;
}

function localDataSet(
  kind: FileKind,
  files: ReadonlyMap<string, readonly string[]>,
  options: ReadOptions,
  columns: Readonly<Record<string, string>>,
  licence: string | undefined,
): DataSet {
  const read = new Map<string, Promise<readonly Row[]>>();
  const load = async (paths: readonly string[]): Promise<readonly Row[]> => {
    const rows: Row[] = [];
    for (const path of paths) rows.push(...(await readRows(path, kind, options)));
    const table = kind === 'json' ? (recordsOfOneType(rows) as Row[]) : withAllColumns(rows);
    return renamed(table, columns, paths.join(', '));
  };
  return {
    origin: { source: [...files.values()].flat().join(', '), licence },
    async rows(split) {
      const paths = files.get(split);
      if (!paths)
        throw new UsageError(
          `the data files have no split '${split}': dataset_kwargs.data_files has ${[...files.keys()].join(', ')}.`,
        );
      const rows = read.get(split) ?? load(paths);
      read.set(split, rows);
      return rows;
    },
  };
}

function filesBySplit(files: unknown, find: (file: string) => string): Map<string, readonly string[]> {
  const wanted = `a path, a list of paths, or 'split: path' for each split`;
  if (files === undefined)
    throw new UsageError(`dataset_path names local files, but dataset_kwargs has no 'data_files': wanted ${wanted}.`);
  const bySplit = typeof files === 'object' && files !== null && !Array.isArray(files) ? files : { train: files };
  return new Map(
    Object.entries(bySplit).map(([split, value]: [string, unknown]) => {
      const paths = typeof value === 'string' ? [value] : value;
      if (
        !Array.isArray(paths) ||
        !paths.every((path): path is string => typeof path === 'string') ||
        paths.length === 0
      )
        throw new UsageError(`data_files came as ${quote(value)}, wanted ${wanted}.`);
      return [split, paths.map(find)];
    }),
  );
}

/** Samples of the package have names such as portmanteau:NAME. */
const SAMPLE = 'portmanteau:';

function foundFile(path: string, task: string, folders: readonly string[], samples: string | undefined): string {
  if (path.startsWith(SAMPLE)) {
    const file = samples === undefined ? undefined : join(samples, path.slice(SAMPLE.length));
    if (file !== undefined && existsSync(file)) return file;
    throw new UsageError(
      `the sample '${path}' of the task ${task} is not found: it ships with the package portmanteau, which has to be installed.`,
    );
  }
  const places = isAbsolute(path) ? [path] : folders.map((folder) => join(folder, path));
  const there = places.find((place) => existsSync(place));
  if (there !== undefined) return there;
  throw new UsageError(
    `the data file '${path}' of the task ${task} does not exist; looked for ${[...new Set(places)].join(' and ')}.`,
  );
}

function columnMap(value: unknown, task: string): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((name) => typeof name === 'string')
  )
    return value as Record<string, string>;
  throw new UsageError(
    `dataset_kwargs.columns of the task ${task} came as ${quote(value)}, wanted 'name in the task: name in the file'.`,
  );
}
