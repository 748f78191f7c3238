/** What a filter of templates is, and what filters share. Values are plain data. */
import { UsageError } from '../../../base/errors.ts';
import { pythonRepr } from '../python-text.ts';

export interface Filter {
  /** Names of the arguments, by place. */
  readonly names: readonly string[];
  readonly of: (self: unknown, args: readonly unknown[]) => unknown;
}

export type Filters = Readonly<Record<string, Filter>>;

/** What a loop over a value gives: characters, keys, or members. Throws UsageError of other values. */
export function items(self: unknown): unknown[] {
  if (typeof self === 'string') return [...self];
  if (Array.isArray(self)) return [...self];
  if (isRecord(self)) return Object.keys(self);
  throw new UsageError(`${pythonRepr(self)} is no list.`);
}

/** A dictionary. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** What `attribute='a.0.b'` of filters finds in a value; undefined where there is nothing. */
export function attributeOf(self: unknown, path: unknown): unknown {
  if (path === undefined || path === null) return self;
  const parts = typeof path === 'number' ? [path] : String(path).split('.');
  return parts.reduce((value: unknown, part) => {
    const isPlace = /^\d+$/.test(String(part));
    if (isPlace && (Array.isArray(value) || typeof value === 'string')) return items(value).at(Number(part));
    return isRecord(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }, self);
}

/** The same, but an error where there is nothing. */
export function wantedAttribute(self: unknown, path: unknown): unknown {
  const value = attributeOf(self, path);
  if (value === undefined) throw new UsageError(`${pythonRepr(self)} has no attribute ${pythonRepr(path)}.`);
  return value;
}

/** A whole number that an argument is to be. */
export function wholeArgument(value: unknown, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw new UsageError(`the argument of a filter came as ${pythonRepr(value)}, wanted a whole number.`);
}
