/**
 * Objects of options, such as the parts of a configuration in JSON: each key is an option or again such an object. `checkSection` fills in the
 * defaults and explains what is wrong by the path of a key; a JSON Schema follows from the same definitions.
 */
import * as v from 'valibot';
import { quote, UsageError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import {
  type Definitions,
  holds,
  kind,
  type Option,
  type OptionWithDefault,
  type Section,
  wantedOf,
} from './option.ts';

export type InputOf<D> = D extends { readonly '~input': infer I } ? I : D extends Option<infer T> ? T : never;
type OutputOf<D> = D extends Option<infer O> ? O : never;

/** What callers write for an object with these keys; R: those that it must have. */
export type SectionInput<D, R extends keyof D = never> = {
  readonly [K in keyof D as K extends R ? never : K]?: InputOf<D[K]> | undefined;
} & {
  readonly [K in keyof D as K extends R ? K : never]: InputOf<D[K]>;
};

/** The same with defaults filled in. */
export type SectionOutput<D, R extends keyof D = never> = {
  readonly [K in keyof D as D[K] extends OptionWithDefault<unknown> ? K : K extends R ? K : never]: OutputOf<D[K]>;
} & {
  readonly [K in keyof D as D[K] extends OptionWithDefault<unknown> ? never : K extends R ? never : K]?:
    | OutputOf<D[K]>
    | undefined;
};

type Schema = v.GenericSchema & {
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly key?: string;
  readonly options?: readonly Schema[];
  readonly item?: Schema;
  readonly wrapped?: Schema;
  readonly literal?: unknown;
};

const schemaOf = (type: unknown): Schema => {
  const schema = type as Schema;
  return schema.wrapped ?? schema;
};

/** An object with these keys and no others. */
export function section<D extends Definitions, R extends keyof D & string = never>(
  definitions: D,
  required: readonly R[] = [],
): Section<SectionInput<D, R>, SectionOutput<D, R>> {
  const entries = Object.entries(definitions).map(([name, type]) => {
    const given = type as unknown as Schema;
    const needed = (required as readonly string[]).includes(name) || 'default' in type;
    return [name, needed ? given : v.optional(given)];
  });
  const schema = v.strictObject(Object.fromEntries(entries) as Record<string, Schema>);
  return kind('an object', schema as unknown as Option<unknown>) as Section<SectionInput<D, R>, SectionOutput<D, R>>;
}

/** Exactly this value, as the key that tells variants apart. */
export const only = <const T extends string>(text: T): Option<T> => kind(quote(text), v.literal(text)) as Option<T>;

/** One of several objects, which their key `key` tells apart. */
export function variants<const S extends readonly Section<unknown, unknown>[]>(
  key: string,
  sections: S,
): Section<InputOf<S[number]>, OutputOf<S[number]>> {
  const schema = v.variant(key, sections as unknown as [v.StrictObjectSchema<v.ObjectEntries, undefined>]);
  return kind('an object', schema as unknown as Option<unknown>) as Section<InputOf<S[number]>, OutputOf<S[number]>>;
}

/** A list of such objects. */
export function list<I, O>(item: Section<I, O>): Section<readonly I[], readonly O[]> {
  const schema = v.array(item as unknown as Schema);
  return kind('a list of objects', schema as unknown as Option<unknown>) as Section<readonly I[], readonly O[]>;
}

/** One of these: texts, numbers and lists are told from objects. */
export function either<const S extends readonly Option<unknown>[]>(
  wanted: string,
  ...types: S
): Section<InputOf<S[number]>, OutputOf<S[number]>> {
  const schema = v.union(types.map(schemaOf));
  return kind(wanted, schema as unknown as Option<unknown>) as Section<InputOf<S[number]>, OutputOf<S[number]>>;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Names of the keys that an object of this type may have; undefined when it is no object. */
export const keysOf = (type: Option<unknown>): readonly string[] | undefined => {
  const { entries } = schemaOf(type);
  return entries && Object.keys(entries);
};

/**
 * The value with defaults filled in. Throws UsageError on a wrong or missing value and on an unknown key, with the path of the key.
 * `who`: for messages, as in `the configuration` or `run.json`.
 */
export function checkSection<I, O>(who: string, value: unknown, type: Section<I, O>): O {
  return check(who, '', value, schemaOf(type)) as O;
}

function check(who: string, path: string, value: unknown, schema: Schema): unknown {
  const chosen = chosenFrom(who, path, value, schema);
  if (chosen !== schema) return check(who, path, value, chosen);
  if (schema.entries) return checkObject(who, path, value, schema.entries);
  if (schema.item?.entries || schema.item?.type === 'variant') {
    if (!Array.isArray(value)) throw wrong(who, path, value, 'a list of objects');
    return value.map((one, i) => check(who, `${path}[${i}]`, one, schemaOf(schema.item)));
  }
  const option = schema as unknown as Option<unknown>;
  if (!holds(option, value)) throw wrong(who, path, value, wantedOf(option));
  return value;
}

/** The variant that the value is, or means to be. */
function chosenFrom(who: string, path: string, value: unknown, schema: Schema): Schema {
  if (schema.type === 'variant') {
    const key = schema.key as string;
    const options = schema.options as readonly Schema[];
    const names = options.map(({ entries }) => schemaOf(entries?.[key]).literal as string);
    if (!isObject(value)) throw wrong(who, path, value, `an object with a '${key}', one of ${names.join(', ')}`);
    const found = names.indexOf(value[key] as string);
    if (found >= 0) return options[found] as Schema;
    if (value[key] === undefined)
      throw new UsageError(`${who} has no '${below(path, key)}', wanted one of ${names.join(', ')}.`);
    const meant = nearest(String(value[key]), names);
    throw wrong(who, below(path, key), value[key], `one of ${names.join(', ')}`, meant);
  }
  if (schema.type !== 'union') return schema;
  const options = schema.options as readonly Schema[];
  const objects = options.filter(({ entries, type }) => entries || type === 'variant');
  if (!isObject(value) || objects.length === 0) {
    return options.find((one) => !objects.includes(one) && v.is(one, value)) ?? refused(schema);
  }
  // Of several kinds of objects, the one that has most of the keys that were given.
  const shared = ({ entries = {} }: Schema) => Object.keys(value).filter((name) => Object.hasOwn(entries, name)).length;
  const best = objects.reduce((found, one) => (shared(one) > shared(found) ? one : found));
  return objects.length > 1 && shared(best) === 0 ? refused(schema) : best;
}

/** A type that nothing belongs to, with the title of this one. */
const refused = (schema: Schema): Schema =>
  v.pipe(v.never(), v.title(v.getTitle(schema) ?? 'something else')) as unknown as Schema;

function checkObject(who: string, path: string, value: unknown, entries: Readonly<Record<string, Schema>>): unknown {
  if (!isObject(value)) throw wrong(who, path, value, 'an object');
  const known = Object.keys(entries);
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(entries, name));
  if (unknown !== undefined) {
    const meant = nearest(unknown, known);
    throw new UsageError(
      `${who} has an unknown key '${below(path, unknown)}'${meant === undefined ? '.' : `; did you mean '${meant}'?`} ` +
        `The keys${path && ` of '${path}'`} are ${known.join(', ')}.`,
    );
  }
  return Object.fromEntries(
    Object.entries(entries).flatMap(([name, entry]) => {
      const given = value[name];
      if (given !== undefined) return [[name, check(who, below(path, name), given, schemaOf(entry))]];
      if ('default' in entry && entry.default !== undefined) return [[name, entry.default]];
      if (entry.type === 'optional') return [];
      throw new UsageError(`${who} has no '${below(path, name)}', wanted ${wantedOf(schemaOf(entry) as never)}.`);
    }),
  );
}

const below = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

function wrong(who: string, path: string, value: unknown, wanted: string, meant?: string): UsageError {
  const what = path === '' ? `${who} came` : `${who} has '${path}'`;
  const hint = meant === undefined ? '' : ` Did you mean '${meant}'?`;
  return new UsageError(`${what}${path === '' ? ' as ' : ': '}${quote(value)}, wanted ${wanted}.${hint}`);
}
