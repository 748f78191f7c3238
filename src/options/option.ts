/**
 * An option is defined once: a property with a doc comment, in an object such as GENERATION_OPTIONS. Its type, check and default, the help of its
 * flag on the command line, and JSON Schema follow from that. Definitions are schemas of valibot (docs/adr/0002-option-schemas.md), which the
 * published types do not mention.
 */
import * as v from 'valibot';

/** The type of an option's values. At run time a schema of valibot, whose title is the text after 'wanted' in messages. */
export interface Option<T> {
  readonly kind: 'schema';
  /** What valibot calls it: `number`, `boolean`, `string`, `picklist`, `array` and so on. */
  readonly type: string;
  readonly '~types'?: { readonly output: T } | undefined;
}

export interface OptionWithDefault<T> extends Option<T> {
  readonly default: T;
}

/** The type of an object of options, of a list of them, and the like. I: what callers write. T: the same with defaults filled in. */
export interface Section<I, T> extends Option<T> {
  readonly '~input': I;
}

export type Definitions = Readonly<Record<string, Option<unknown>>>;

type ValueOf<D> = D extends Option<infer T> ? T : never;

/** The type of the options that callers pass; keeps the doc comments of the definitions. */
export type OptionsOf<D> = { readonly [K in keyof D]?: ValueOf<D[K]> | undefined };

/** The same with defaults for absent options. */
export type FilledOptions<D> = {
  readonly [K in keyof D]: D[K] extends OptionWithDefault<infer T> ? T : ValueOf<D[K]> | undefined;
};

/** A schema of valibot with a description of its values, for the help and after the word 'wanted' in messages. */
export const kind = <T>(wanted: string, schema: Option<T>): Option<T> => v.pipe(schemaOf(schema), v.title(wanted));

/** A kind of value that a schema cannot describe, such as an object with methods. */
export const ownKind = <T>(wanted: string, holds: (value: unknown) => boolean): Option<T> =>
  kind(wanted, v.custom<T>(holds));

const whole = (from: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(from));
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isJsonObject = (value: unknown): boolean => isObject(value) && !Array.isArray(value);

export const kinds = {
  text: kind('a text', v.string()),
  texts: kind<readonly string[]>('a list of texts', v.array(v.string())),
  textOrTexts: kind<string | readonly string[]>(
    'a text or a list of texts',
    v.union([v.string(), v.array(v.string())]),
  ),
  flag: kind('true or false', v.boolean()),
  fromZero: kind('a whole number from 0 on', whole(0)),
  fromOne: kind('a whole number from 1 on', whole(1)),
  seed: kind('a whole number from 0 to 2^53 - 1', whole(0)),
  /** May be Infinity, as may `amount`. */
  bytes: kind('a number of bytes, from 0 on', v.pipe(v.number(), v.minValue(0))),
  amount: kind('a number from 0 on', v.pipe(v.number(), v.minValue(0))),
  finite: kind('a finite number', v.pipe(v.number(), v.finite())),
  notNegative: kind('a finite number from 0 on', v.pipe(v.number(), v.finite(), v.minValue(0))),
  positive: kind('a finite number above 0', v.pipe(v.number(), v.finite(), v.gtValue(0))),
  share: kind('a number from 0 to 1', v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  belowOne: kind('a number from 0 on and below 1', v.pipe(v.number(), v.minValue(0), v.ltValue(1))),
  id: kind('a token id, a whole number from 0 on', whole(0)),
  ids: kind<readonly number[]>('a list of token ids', v.array(whole(0))),
  signal: ownKind<AbortSignal>('an AbortSignal', (value) => isObject(value) && 'aborted' in value),
};

/** One of these texts. */
export const oneOf = <const T extends string>(texts: readonly T[]): Option<T> =>
  kind(`one of ${texts.join(', ')}`, v.picklist(texts));

export const call = <F extends (...args: never[]) => unknown>(): Option<F> =>
  ownKind('a function', (value) => typeof value === 'function');

export const jsonObject = <T extends object>(): Option<T> => ownKind('an object', isJsonObject);

export const jsonObjectOrFalse = <T extends object>(): Option<T | false> =>
  ownKind('an object, or false', (value) => value === false || isJsonObject(value));

/** `about`: text for the help, valid for the command line and for a server. */
export function option<I, T>(type: Section<I, T>, about: string): Section<I, T>;
export function option<I, T>(type: Section<I, T>, about: string, byDefault: T): Section<I, T> & OptionWithDefault<T>;
export function option<T>(type: Option<T>, about: string): Option<T>;
export function option<T>(type: Option<T>, about: string, byDefault: T): OptionWithDefault<T>;
export function option<T>(type: Option<T>, about: string, byDefault?: T): Option<T> {
  const described = v.pipe(schemaOf(type), v.description(about));
  return byDefault === undefined ? described : v.optional(described, byDefault as unknown as () => unknown);
}

/** The schema without its default. */
function schemaOf<T>(type: Option<T>): v.GenericSchema<unknown, T> {
  const schema = type as v.GenericSchema<unknown, T> & { readonly wrapped?: v.GenericSchema<unknown, T> };
  return schema.wrapped ?? schema;
}

export const holds = (type: Option<unknown>, value: unknown): boolean => v.is(schemaOf(type), value);

export const wantedOf = (type: Option<unknown>): string => v.getTitle(schemaOf(type)) ?? '';

export const aboutOf = (type: Option<unknown>): string => v.getDescription(schemaOf(type)) ?? '';

/** valibot's name for the kind of value, with or without a default. */
export const typeOf = (type: Option<unknown>): string => schemaOf(type).type;

/** The texts of `oneOf`; undefined for other kinds. */
export const choicesOf = (type: Option<unknown>): readonly string[] | undefined =>
  typeOf(type) === 'picklist' ? (schemaOf(type) as v.PicklistSchema<string[], undefined>).options : undefined;
