/**
 * Values of columns whose types JavaScript does not tell apart, as Python has them in texts: floating-point numbers (1.0), dates and times. The types
 * are those of a Parquet or Arrow file, or of all values of a column in JSON, as Arrow finds them.
 */
import type { DataType, Field } from '@uwdata/flechette';
import type { SchemaElement } from 'hyparquet';
import type { Row } from '../tasks/task-config.ts';
import { floatOf, WholeFloat } from '../tasks/whole-float.ts';

/** Reads a value of one column or part of it. Undefined where values stay as they are. */
export type ReadValue = ((value: unknown) => unknown) | undefined;

/** Values other than null. */
const there =
  (read: (value: unknown) => unknown) =>
  (value: unknown): unknown =>
    value === null || value === undefined ? null : read(value);

const readFloat = there((value) => (typeof value === 'number' ? floatOf(value) : value));

const listOf = (inner: ReadValue): ReadValue =>
  inner && there((value) => (Array.isArray(value) ? value.map(inner) : value));

const mapOf = (inner: ReadValue): ReadValue =>
  inner && there((map) => Object.fromEntries(Object.entries(map as object).map(([key, value]) => [key, inner(value)])));

/** Of objects, by key. */
export function recordOf(fields: readonly (readonly [string, ReadValue])[]): ReadValue {
  const read = new Map(fields.filter(([, inner]) => inner !== undefined));
  if (read.size === 0) return undefined;
  return there((value) =>
    Object.fromEntries(
      Object.entries(value as object).map(([key, inner]) => [key, (read.get(key) ?? ((same) => same))(inner)]),
    ),
  );
}

/** A part of the schema of a Parquet file. */
export interface ParquetTree {
  readonly element: SchemaElement;
  readonly children: readonly ParquetTree[];
}

/** Lists and maps are groups of groups there (LogicalTypes.md of apache/parquet-format). */
export function parquetReader({ element, children }: ParquetTree): ReadValue {
  const kind = element.converted_type ?? element.logical_type?.type;
  const [only] = children;
  if (kind === 'LIST' && only)
    return listOf(parquetReader(only.children.length === 1 ? (only.children[0] as ParquetTree) : only));
  if (kind === 'MAP' && only?.children[1]) return mapOf(parquetReader(only.children[1]));
  if (only)
    return recordOf(
      children.map((child) => {
        const read = parquetReader(child);
        return [child.element.name, child.element.repetition_type === 'REPEATED' ? listOf(read) : read];
      }),
    );
  const hasFloats = element.type === 'FLOAT' || element.type === 'DOUBLE' || element.logical_type?.type === 'FLOAT16';
  return hasFloats ? readFloat : undefined;
}

/** What the reader of Parquet makes of days and times. */
export const PARQUET_TIMES = {
  dateFromDays: (days: number) => dateText(days * DAY_MS),
  timestampFromMilliseconds: (time: bigint) => timeText(time * 1000n),
  timestampFromMicroseconds: (time: bigint) => timeText(time),
  timestampFromNanoseconds: (time: bigint) => timeText(time / 1000n),
};

const DAY_MS = 86_400_000;

const dateText = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** As `str` of Python's `datetime`: microseconds only where there are any. `time`: microseconds since 1970. */
function timeText(time: bigint): string {
  const ms = Number(time / 1000n) - (time % 1000n < 0n ? 1 : 0);
  const [date, rest] = new Date(ms).toISOString().split('T') as [string, string];
  const fraction = ((time % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return `${date} ${rest.slice(0, 8)}${fraction === 0n ? '' : `.${String(fraction).padStart(6, '0')}`}`;
}

/** Arrow: types by their numbers (Type of flechette). Times come as milliseconds. */
export function arrowReader(type: DataType): ReadValue {
  switch (type.typeId) {
    case 3: // Float
      return readFloat;
    case 8: // Date
      return there((ms) => dateText(Number(ms)));
    case 10: // Timestamp
      return there((ms) => timeText(BigInt(Math.round(Number(ms) * 1000))));
    case 12: // List
    case 16: // FixedSizeList
    case 21: // LargeList
      return listOf(arrowReader((type.children[0] as Field).type));
    case 13: // Struct
      return recordOf(type.children.map((field) => [field.name, arrowReader(field.type)]));
    case -1: // Dictionary
      return arrowReader(type.dictionary);
    default:
      return undefined;
  }
}

/** The rows of a table in which each value is read by the type of its column. */
export const readBy = (rows: readonly Row[], read: ReadValue): Row[] => (read ? (rows.map(read) as Row[]) : [...rows]);

/**
 * Values of one place in all rows get one type, as Arrow finds it in JSON: numbers are floating-point where one of them is, texts that all are times are
 * times. Objects of different keys, and values of different kinds, stay as they are.
 */
export function ofOneType(values: readonly unknown[]): readonly unknown[] {
  const known = values.filter((value) => value !== null && value !== undefined);
  if (known.length === 0) return values;
  if (known.every(isNumber))
    return known.some(isFloat) ? values.map((value) => (isNumber(value) ? floatOf(Number(value)) : null)) : values;
  if (known.every(isTime)) return values.map((value) => (isTime(value) ? timeOf(value) : null));
  if (known.every(Array.isArray)) {
    const inner = ofOneType(known.flat());
    let at = 0;
    return values.map((value) => {
      if (!Array.isArray(value)) return null;
      at += value.length;
      return inner.slice(at - value.length, at);
    });
  }
  const [first] = known;
  if (!isRecord(first) || !known.every((value) => isRecord(value) && hasKeys(value, Object.keys(first)))) return values;
  return recordsOfOneType(values as readonly (Row | null | undefined)[]);
}

const hasKeys = (record: Row, keys: readonly string[]): boolean =>
  Object.keys(record).length === keys.length && keys.every((key) => Object.hasOwn(record, key));

/** All get the keys of all, in the order of their first use; what one lacks is null. */
export function recordsOfOneType(records: readonly (Row | null | undefined)[]): (Row | null)[] {
  const keys = [...new Set(records.flatMap((record) => Object.keys(record ?? {})))];
  const columns = new Map(keys.map((key) => [key, ofOneType(records.map((record) => record?.[key] ?? null))]));
  return records.map((record, i) =>
    record ? Object.fromEntries(keys.map((key) => [key, columns.get(key)?.[i]])) : null,
  );
}

/** Days and times of ISO 8601 to the second. */
const TIME = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d)(?::(\d\d)(?::(\d\d))?)?Z?)?$/;

const isTime = (value: unknown): value is string =>
  typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value.slice(0, 10)));

function timeOf(text: string): string {
  const [, day, hours = '00', minutes = '00', seconds = '00'] = TIME.exec(text) as RegExpExecArray;
  return `${day} ${hours}:${minutes}:${seconds}`;
}

const isFloat = (value: unknown): boolean =>
  value instanceof WholeFloat || (typeof value === 'number' && !Number.isInteger(value));
const isNumber = (value: unknown): boolean => typeof value === 'number' || value instanceof WholeFloat;
export const isRecord = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof WholeFloat);
