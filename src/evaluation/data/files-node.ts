/** Rows of local files: JSON, JSON lines, CSV, Parquet, Arrow and word pairs, all also packed by gzip. */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { readWordPairs } from '../../analysis/senses/word-pairs.ts';
import { UsageError } from '../../base/errors.ts';
import { parsePythonJson } from '../../checkpoint/python-json.ts';
import type { Row } from '../tasks/task-config.ts';
import { floatOf } from '../tasks/whole-float.ts';
import { arrowReader, isRecord, PARQUET_TIMES, parquetReader, readBy, recordOf } from './column-types.ts';

export const FILE_KINDS = ['json', 'csv', 'parquet', 'arrow', 'word_pairs'] as const;
export type FileKind = (typeof FILE_KINDS)[number];

export interface ReadOptions {
  /** The key of a JSON file under which the list of rows is. */
  readonly field?: string | undefined;
  /** What separates the columns of CSV; default: a comma. */
  readonly delimiter?: string | undefined;
}

/** Throws UsageError when the file does not exist or is not of this kind. */
export async function readRows(path: string, kind: FileKind, options: ReadOptions = {}): Promise<Row[]> {
  const bytes = await bytesOf(path);
  try {
    switch (kind) {
      case 'json':
        return jsonRows(textOf(bytes), path, options.field);
      case 'csv':
        return await csvRows(textOf(bytes), options.delimiter ?? ',');
      case 'parquet':
        return await parquetRows(bytes);
      case 'arrow':
        return await arrowRows(bytes);
      case 'word_pairs':
        return readWordPairs(textOf(bytes), path).map(({ words: [word1, word2], score }) => ({ word1, word2, score }));
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path} cannot be read as ${kind}: ${(error as Error).message}`, { cause: error });
  }
}

async function bytesOf(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `the data file ${path} cannot be read: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}.`,
    );
  });
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

const textOf = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes);

function jsonRows(text: string, path: string, field: string | undefined): Row[] {
  if (field !== undefined) {
    const whole = parsePythonJson(text, floatOf) as Record<string, unknown> | null;
    return listOfRows(whole?.[field], `${path}: '${field}'`);
  }
  if (/^\s*\[/.test(text)) return listOfRows(parsePythonJson(text, floatOf), path);
  return text.split('\n').flatMap((line, i): Row[] => {
    if (line.trim() === '') return [];
    try {
      return listOfRows([parsePythonJson(line, floatOf)], `${path}, line ${i + 1}`);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(
        `${path}, line ${i + 1} is no JSON: ${(error as Error).message}. Wanted one object on each line, or a list of objects.`,
      );
    }
  });
}

function listOfRows(value: unknown, where: string): Row[] {
  if (!Array.isArray(value)) throw new UsageError(`${where} is no list of rows.`);
  const at = value.findIndex((row) => !isRecord(row));
  if (at >= 0) throw new UsageError(`${where}: row ${at} is no object with columns.`);
  return value as Row[];
}

/** Words that pandas takes for an empty place. */
const NOTHING = new Set(
  ' #N/A,#N/A N/A,#NA,-1.#IND,-1.#QNAN,-NaN,-nan,1.#IND,1.#QNAN,<NA>,N/A,NA,NULL,NaN,None,n/a,nan,null'
    .trim()
    .split(','),
).add('');

/** Columns whose values are all numbers, or all true or false, get such values, as pandas finds them; an empty place is null. */
async function csvRows(text: string, delimiter: string): Promise<Row[]> {
  const { parse } = await loaded('csv-parse', () => import('csv-parse/sync'));
  const rows = parse(text, {
    ...{ columns: true, delimiter, bom: true, skip_empty_lines: true },
    relax_column_count_less: true,
  }) as Record<string, string>[];
  const columns = Object.keys(rows[0] ?? {});
  const readers = new Map(columns.map((name) => [name, readerOf(rows.map((row) => row[name] ?? ''))]));
  return rows.map((row) =>
    Object.fromEntries(
      columns.map((name) => {
        const value = row[name] ?? '';
        return [name, NOTHING.has(value) ? null : readers.get(name)?.(value)];
      }),
    ),
  );
}

function readerOf(values: readonly string[]): (text: string) => unknown {
  const there = values.filter((value) => !NOTHING.has(value));
  const all = (pattern: RegExp) => there.length > 0 && there.every((value) => pattern.test(value));
  if (all(/^ *[+-]?\d+ *$/)) return there.length === values.length ? Number : (text) => floatOf(Number(text));
  if (all(/^ *[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?) *$/i))
    return (text) => floatOf(Number(text.replace(/inf(?:inity)?/i, 'Infinity')));
  if (all(/^(?:True|False|true|false|TRUE|FALSE)$/)) return (text) => text.toLowerCase() === 'true';
  return (text) => text;
}

export async function parquetRows(bytes: Uint8Array): Promise<Row[]> {
  const { parquetMetadata, parquetReadObjects, parquetSchema } = await loaded('hyparquet', () => import('hyparquet'));
  const compressors = await import('hyparquet-compressors').then(
    (module) => module.compressors,
    () => undefined, // without it, files that are packed by Snappy or not at all can be read
  );
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const metadata = parquetMetadata(buffer);
  const rows = await parquetReadObjects({ file: buffer, metadata, compressors, parsers: PARQUET_TIMES });
  return readBy(rows.map(plainRow), parquetReader(parquetSchema(metadata)));
}

async function arrowRows(bytes: Uint8Array): Promise<Row[]> {
  const { tableFromIPC } = await loaded('@uwdata/flechette', () => import('@uwdata/flechette'));
  const table = tableFromIPC(bytes);
  const rows = table.toArray().map((row) => plainRow(row as Record<string, unknown>));
  return readBy(rows, recordOf(table.schema.fields.map(({ name, type }) => [name, arrowReader(type)])));
}

/** Values as JSON has them: whole numbers of 64 bits as numbers, vectors as lists. */
export function plainRow(row: Record<string, unknown>): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]));
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value === undefined || value === null || typeof value !== 'object') return value ?? null;
  if (value instanceof Date) return value.toISOString();
  if (Symbol.iterator in value) return Array.from(value as Iterable<unknown>, plain);
  const json = 'toJSON' in value && typeof value.toJSON === 'function' ? (value.toJSON() as object) : value;
  return Object.fromEntries(Object.entries(json).map(([name, inner]) => [name, plain(inner)]));
}

async function loaded<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new UsageError(`this file is read with the package ${name}, which is not installed: npm install ${name}`, {
      cause: error,
    });
  }
}
