/**
 * JSON Schema as a language of bytes: texts of JSON that the schema accepts, though not all of them (objects have their properties in the order of the
 * schema). What cannot be kept to is an error that names the keyword and its place, never passed over.
 */
import { quote, UsageError } from '../base/errors.ts';
import { type Expression, either, literal, nothing, reference, sequence } from './expression.ts';
import {
  anyBoolean,
  anyInteger,
  anyNumber,
  anyValue,
  escapedCharacters,
  integersBetween,
  listOf,
  quoted,
  stringOf,
} from './json-text.ts';
import { objectLanguage } from './object.ts';
import { regexLanguage } from './regex.ts';

export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** Say nothing about the value. */
const ANNOTATIONS = new Set(
  '$schema $id $comment $defs definitions title description default example examples deprecated readOnly writeOnly strict'.split(
    ' ',
  ),
);

const TYPES: Readonly<Record<string, readonly string[]>> = {
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  number: [],
  boolean: [],
  null: [],
};
const KNOWN = new Set(['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf', '$ref', ...Object.values(TYPES).flat()]);

const DATE = '\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\\d|2[0-8])';
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)';
/** Narrower than the formats, so that every checker accepts them. */
const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  'date-time': `${DATE}T${TIME}`,
  uuid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  ipv4: '(?:(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\.){3}(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)',
  email: '[a-z0-9]{1,20}(?:\\.[a-z0-9]{1,20}){0,2}@[a-z0-9]{1,20}(?:\\.[a-z]{2,10}){1,2}',
};

type Fields = Readonly<Record<string, unknown>>;

/** Throws UsageError with the place of what is wrong or not supported, such as `#/properties/a/not`. */
export function schemaLanguage(schema: unknown): Expression {
  const named = new Map<string, Expression>();
  const checked = new Set<string>();
  /** The schema that a reference means; each is read once, so that they may be recursive. */
  const referred = (target: unknown, place: string): Expression => {
    if (typeof target !== 'string' || !/^#(\/|$)/.test(target))
      throw unsupported(`$ref to ${quote(target)}`, place, 'only places in the same schema, as in #/$defs/name');
    if (!checked.has(target)) {
      checked.add(target);
      named.set(target, language(resolve(schema, target, place), target));
    }
    return reference(() => named.get(target) ?? nothing);
  };

  function language(given: unknown, place: string): Expression {
    if (given === true) return anyValue;
    if (given === false) return nothing;
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      throw new UsageError(`the JSON schema at ${place} came as ${quote(given)}, wanted an object, true or false.`);
    const fields = Object.fromEntries(
      Object.entries(given).filter(([name, value]) => value !== undefined && !ANNOTATIONS.has(name)),
    );
    const strange = Object.keys(fields).find((name) => !KNOWN.has(name));
    if (strange !== undefined) throw unsupported(`'${strange}'`, `${place}/${strange}`);
    for (const alone of ['$ref', 'anyOf', 'oneOf', 'allOf', 'const', 'enum'] as const) {
      if (!Object.hasOwn(fields, alone)) continue;
      const other = Object.keys(fields).find((name) => name !== alone && name !== 'type');
      if (other !== undefined) throw unsupported(`'${other}' beside '${alone}'`, `${place}/${other}`);
      return combined(alone, fields, place);
    }
    const types = typesOf(fields, place);
    return either(...types.map((type) => ofType(type, fields, place)));
  }

  function combined(keyword: string, fields: Fields, place: string): Expression {
    const value = fields[keyword];
    if (keyword === 'const' || keyword === 'enum') {
      const all = keyword === 'const' ? [value] : value;
      if (!Array.isArray(all)) throw wrong(`${place}/${keyword}`, value, 'a list');
      const types = fields.type === undefined ? undefined : typesOf(fields, place);
      const fitting = types ? all.filter((one) => types.some((type) => isOfType(one, type))) : all;
      if (fitting.length === 0) throw new UsageError(`the JSON schema at ${place}/${keyword} allows no value.`);
      return either(...fitting.map((one) => literal(JSON.stringify(one))));
    }
    if (fields.type !== undefined) throw unsupported(`'type' beside '${keyword}'`, `${place}/type`);
    if (keyword === '$ref') return referred(value, `${place}/$ref`);
    if (!Array.isArray(value) || value.length === 0) throw wrong(`${place}/${keyword}`, value, 'a list of schemas');
    if (keyword === 'allOf' && value.length > 1)
      throw unsupported('allOf of several schemas', `${place}/allOf`, 'put them together into one');
    if (keyword === 'oneOf' && !areApart(value))
      throw unsupported(
        'oneOf of schemas that may both hold',
        `${place}/oneOf`,
        'use anyOf, or give them different types',
      );
    return either(...value.map((one: unknown, i) => language(one, `${place}/${keyword}/${i}`)));
  }

  function ofType(type: string, fields: Fields, place: string): Expression {
    switch (type) {
      case 'object':
        return objectLanguage(fields, place, language);
      case 'array':
        return arrayLanguage(fields, place);
      case 'string':
        return stringLanguage(fields, place);
      case 'integer':
        return integerLanguage(fields, place);
      case 'number': {
        const bound = TYPES.integer?.find((name) => fields[name] !== undefined);
        if (bound !== undefined) throw unsupported(`'${bound}' of numbers that are not whole`, `${place}/${bound}`);
        return anyNumber;
      }
      case 'boolean':
        return anyBoolean;
      default:
        return literal('null');
    }
  }

  function arrayLanguage({ items, prefixItems, minItems, maxItems }: Fields, place: string): Expression {
    const min = countAt(minItems, `${place}/minItems`) ?? 0;
    const max = countAt(maxItems, `${place}/maxItems`) ?? Number.POSITIVE_INFINITY;
    if (prefixItems === undefined)
      return listOf(items === undefined ? anyValue : language(items, `${place}/items`), min, max);
    if (!Array.isArray(prefixItems)) throw wrong(`${place}/prefixItems`, prefixItems, 'a list of schemas');
    if (items !== false || min !== prefixItems.length || max < prefixItems.length)
      throw unsupported('prefixItems', `${place}/prefixItems`, 'only with "items": false and minItems of their number');
    const parts = prefixItems.map((one: unknown, i) => language(one, `${place}/prefixItems/${i}`));
    return sequence(literal('['), ...parts.flatMap((part, i) => (i > 0 ? [literal(','), part] : [part])), literal(']'));
  }

  return language(schema, '#');
}

function stringLanguage({ minLength, maxLength, pattern, format }: Fields, place: string): Expression {
  const min = countAt(minLength, `${place}/minLength`);
  const max = countAt(maxLength, `${place}/maxLength`);
  const several = [pattern, format, min ?? max].filter((one) => one !== undefined).length > 1;
  if (several) throw unsupported('more than one of pattern, format, minLength and maxLength', place);
  if (pattern !== undefined) {
    if (typeof pattern !== 'string') throw wrong(`${place}/pattern`, pattern, 'a text');
    try {
      return quoted(regexLanguage(pattern, { within: true, write: escapedCharacters }));
    } catch (error) {
      throw new UsageError(`the JSON schema at ${place}/pattern: ${(error as Error).message}`, { cause: error });
    }
  }
  if (format !== undefined) {
    const known = typeof format === 'string' && Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
    if (known === undefined)
      throw unsupported(`format ${quote(format)}`, `${place}/format`, `known are ${Object.keys(FORMATS).join(', ')}`);
    return quoted(regexLanguage(known));
  }
  return stringOf(min, max);
}

const LARGEST = 1e15 - 1;

function integerLanguage(fields: Fields, place: string): Expression {
  const bound = (name: string): number | undefined => {
    const value = fields[name];
    if (value !== undefined && (typeof value !== 'number' || Math.abs(value) > LARGEST))
      throw wrong(`${place}/${name}`, value, `a number up to ${LARGEST}`);
    return value as number | undefined;
  };
  const [min, above, max, below] = ['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum'].map(bound);
  if ([min, above, max, below].every((one) => one === undefined)) return anyInteger;
  const from = Math.max(Math.ceil(min ?? -LARGEST), Math.floor(above ?? -LARGEST - 1) + 1);
  const to = Math.min(Math.floor(max ?? LARGEST), Math.ceil(below ?? LARGEST + 1) - 1);
  if (from > to) throw new UsageError(`the JSON schema at ${place} allows no whole number.`);
  return integersBetween(from, to);
}

/** The types that a schema names, or else means by its other keywords. */
function typesOf(fields: Fields, place: string): readonly string[] {
  const { type } = fields;
  if (type === undefined) {
    const meant = Object.entries(TYPES).find(([, keywords]) => keywords.some((name) => Object.hasOwn(fields, name)));
    if (!meant) return Object.keys(TYPES).filter((name) => name !== 'integer');
    return [meant[0]];
  }
  const list = Array.isArray(type) ? type : [type];
  const strange = list.find((one) => typeof one !== 'string' || !Object.hasOwn(TYPES, one));
  if (strange !== undefined || list.length === 0)
    throw wrong(`${place}/type`, strange ?? type, `one of ${Object.keys(TYPES).join(', ')}`);
  return list as string[];
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type && value !== null && !Array.isArray(value);
}

/** Can no value fit two of these? Known where their types differ, or where all are objects that a property tells apart. */
function areApart(schemas: readonly unknown[]): boolean {
  const all = schemas.map((one) => Object(one) as Fields);
  const kinds = all.flatMap(({ type, const: value }) =>
    value !== undefined ? [JSON.stringify(value)] : [type].flat(),
  );
  if (all.every(({ const: value }) => value !== undefined)) return new Set(kinds).size === kinds.length;
  const types = all.flatMap(({ type }) => [type].flat());
  const numbers = types.includes('integer') && types.includes('number');
  if (!numbers && types.every((type) => type !== undefined) && new Set(types).size === types.length) return true;
  const first = Object(all[0]?.properties) as Fields;
  return Object.keys(first).some((name) => {
    const values = all.map(({ properties, required }) => {
      const value = (Object(Object(properties)[name]) as Fields).const;
      return Array.isArray(required) && required.includes(name) && value !== undefined
        ? JSON.stringify(value)
        : undefined;
    });
    return (
      !values.includes(undefined) &&
      new Set(values).size === values.length &&
      all.every(({ type }) => type === 'object')
    );
  });
}

/** The value at a place such as #/$defs/name. */
function resolve(schema: unknown, target: string, place: string): unknown {
  let value: unknown = schema;
  for (const part of target.split('/').slice(1)) {
    const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    const inside = Object(value) as Fields;
    if (!Object.hasOwn(inside, name)) throw new UsageError(`the JSON schema has no ${target}, which ${place} names.`);
    value = inside[name];
  }
  return value;
}

function countAt(value: unknown, place: string): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0))
    return value as number | undefined;
  throw wrong(place, value, 'a whole number from 0 on');
}

const wrong = (place: string, value: unknown, wanted: string) =>
  new UsageError(`the JSON schema has ${quote(value)} at ${place}, wanted ${wanted}.`);

export const unsupported = (what: string, place: string, instead?: string) =>
  new UsageError(
    `the JSON schema has ${what} at ${place}, which is not supported${instead === undefined ? '' : `: ${instead}`}.`,
  );
