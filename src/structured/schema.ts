/**
 * JSON Schema as a language of bytes: texts of JSON that the schema accepts, though not all of them (objects have their properties in the order of the
 * schema). What cannot be kept to is an error that names the keyword and its place, never passed over.
 */
import { quote, UsageError } from '../base/errors.ts';
import { type Expression, either, literal, nothing, reference, repeat, sequence } from './expression.ts';
import { anyBoolean, anyInteger, anyNumber, anyValue, comma, listOf } from './json-text.ts';
import { integersIn, multiplesIn, numbersIn, type Range } from './number-range.ts';
import { objectLanguage } from './object.ts';
import { countAt, unsupported, wrong } from './schema-errors.ts';
import { stringLanguage } from './schema-strings.ts';
import { uniqueListOf } from './unique-list.ts';

export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** Say nothing about the value. */
const ANNOTATIONS = new Set(
  '$schema $id $comment $defs definitions title description default example examples deprecated readOnly writeOnly strict'.split(
    ' ',
  ),
);

const BOUNDS = ['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum'] as const;

const TYPES: Readonly<Record<string, readonly string[]>> = {
  object: ['properties', 'required', 'additionalProperties', 'propertyNames'],
  array: ['items', 'prefixItems', 'additionalItems', 'minItems', 'maxItems', 'uniqueItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: [...BOUNDS, 'multipleOf'],
  integer: [...BOUNDS, 'multipleOf'],
  boolean: [],
  null: [],
};
const KNOWN = new Set(['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf', '$ref', ...Object.values(TYPES).flat()]);

type Fields = Readonly<Record<string, unknown>>;

/** A schema that `#` in references means: the whole, or the innermost with an $id of its own. */
interface Root {
  readonly schema: unknown;
  readonly place: string;
}

/** Throws UsageError with the place of what is wrong or not supported, such as `#/properties/a/not`. */
export function schemaLanguage(schema: unknown): Expression {
  const named = new Map<unknown, Map<string, Expression>>();
  /** The schema that a reference means; each is read once, so that they may be recursive. */
  const referred = (target: unknown, place: string, root: Root): Expression => {
    if (typeof target !== 'string' || !/^#(\/|$)/.test(target))
      throw unsupported(`$ref to ${quote(target)}`, place, 'only places in the same schema, as in #/$defs/name');
    const own = named.get(root.schema) ?? new Map<string, Expression>();
    named.set(root.schema, own);
    if (!own.has(target)) {
      own.set(target, nothing);
      own.set(target, language(resolve(root.schema, target, place), `${root.place}${target.slice(1)}`, root));
    }
    return reference(() => own.get(target) ?? nothing);
  };

  function language(given: unknown, place: string, outer: Root): Expression {
    if (given === true) return anyValue;
    if (given === false) return nothing;
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      throw new UsageError(`the JSON schema at ${place} came as ${quote(given)}, wanted an object, true or false.`);
    const { $id } = given as Fields;
    const root = typeof $id === 'string' && !$id.startsWith('#') ? { schema: given, place } : outer;
    const fields = Object.fromEntries(
      Object.entries(given).filter(([name, value]) => value !== undefined && !ANNOTATIONS.has(name)),
    );
    if (Object.keys(fields).length === 0) return anyValue;
    const strange = Object.keys(fields).find((name) => !KNOWN.has(name));
    if (strange !== undefined) throw unsupported(`'${strange}'`, `${place}/${strange}`);
    for (const alone of ['$ref', 'anyOf', 'oneOf', 'allOf', 'const', 'enum'] as const) {
      if (!Object.hasOwn(fields, alone)) continue;
      const other = Object.keys(fields).find((name) => name !== alone && name !== 'type');
      if (other !== undefined) throw unsupported(`'${other}' beside '${alone}'`, `${place}/${other}`);
      return combined(alone, fields, place, root);
    }
    const types = typesOf(fields, place);
    return either(...types.map((type) => ofType(type, fields, place, root)));
  }

  function combined(keyword: string, fields: Fields, place: string, root: Root): Expression {
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
    if (keyword === '$ref') return referred(value, `${place}/$ref`, root);
    if (!Array.isArray(value) || value.length === 0) throw wrong(`${place}/${keyword}`, value, 'a list of schemas');
    if (keyword === 'allOf' && value.length > 1)
      throw unsupported('allOf of several schemas', `${place}/allOf`, 'put them together into one');
    if (keyword === 'oneOf' && !areApart(value))
      throw unsupported(
        'oneOf of schemas that may both hold',
        `${place}/oneOf`,
        'use anyOf, or give them different types',
      );
    return either(...value.map((one: unknown, i) => language(one, `${place}/${keyword}/${i}`, root)));
  }

  function ofType(type: string, fields: Fields, place: string, root: Root): Expression {
    switch (type) {
      case 'object':
        return objectLanguage(fields, place, (within, at) => language(within, at, root));
      case 'array':
        return arrayLanguage(fields, place, root);
      case 'string':
        return stringLanguage(fields, place);
      case 'integer':
      case 'number':
        return numberLanguage(type === 'integer', fields, place);
      case 'boolean':
        return anyBoolean;
      default:
        return literal('null');
    }
  }

  /** Lists of the older drafts have the first items as `items` and the others as `additionalItems`. */
  function arrayLanguage(
    { minItems, maxItems, uniqueItems = false, ...fields }: Fields,
    place: string,
    root: Root,
  ): Expression {
    const min = countAt(minItems, `${place}/minItems`) ?? 0;
    const max = countAt(maxItems, `${place}/maxItems`) ?? Number.POSITIVE_INFINITY;
    if (min > max)
      throw new UsageError(`the JSON schema at ${place} allows no list: minItems is ${min}, and maxItems ${max}.`);
    const isOlder = Array.isArray(fields.items);
    const [firstName, otherName] = isOlder ? ['items', 'additionalItems'] : ['prefixItems', 'items'];
    const { [firstName as string]: firsts, [otherName as string]: others = true } = fields;
    if (!isOlder && fields.additionalItems !== undefined)
      throw unsupported("'additionalItems' without a list of items", `${place}/additionalItems`);
    const item = language(others, `${place}/${otherName}`, root);
    if (typeof uniqueItems !== 'boolean') throw wrong(`${place}/uniqueItems`, uniqueItems, 'true or false');
    if (uniqueItems && max > 1) {
      if (firsts !== undefined) throw unsupported(`uniqueItems beside ${firstName}`, `${place}/uniqueItems`);
      return uniqueListOf(item, { min, max }, place);
    }
    if (firsts === undefined) return listOf(item, min, max);
    if (!Array.isArray(firsts)) throw wrong(`${place}/${firstName}`, firsts, 'a list of schemas');
    if (firsts.length === 0 || max < firsts.length)
      throw unsupported(`${firstName} of another number than maxItems`, `${place}/${firstName}`);
    const parts = firsts.map((one: unknown, i) => language(one, `${place}/${firstName}/${i}`, root));
    const further =
      item === nothing ? [] : [repeat(sequence(comma, item), Math.max(0, min - firsts.length), max - firsts.length)];
    if (item === nothing && min > firsts.length)
      throw new UsageError(
        `the JSON schema at ${place} allows no list: minItems is ${min}, of ${firsts.length} items.`,
      );
    return sequence(
      literal('['),
      ...parts.flatMap((part, i) => (i > 0 ? [comma, part] : [part])),
      ...further,
      literal(']'),
    );
  }

  return language(schema, '#', { schema, place: '#' });
}

function numberLanguage(isWhole: boolean, fields: Fields, place: string): Expression {
  const range = rangeOf(fields, place);
  const { multipleOf } = fields;
  if (multipleOf !== undefined && !(typeof multipleOf === 'number' && multipleOf > 0 && Number.isFinite(multipleOf)))
    throw wrong(`${place}/multipleOf`, multipleOf, 'a number above 0');
  const isBounded = Object.values(range).some((one) => one !== undefined);
  if (multipleOf === undefined && !isBounded) return isWhole ? anyInteger : anyNumber;
  const found =
    multipleOf !== undefined
      ? multiples(range, multipleOf, isWhole, place)
      : isWhole
        ? integersIn(range)
        : numbersIn(range);
  if (found !== nothing) return found;
  throw new UsageError(`the JSON schema at ${place} allows no ${isWhole ? 'whole ' : ''}number.`);
}

function multiples(range: Range, of: number, whole: boolean, place: string): Expression {
  try {
    return multiplesIn(range, of, { whole });
  } catch (error) {
    if (error instanceof UsageError)
      throw unsupported(`multipleOf ${of}`, `${place}/multipleOf`, error.message.replace(/\.$/, ''));
    throw error;
  }
}

function rangeOf(fields: Fields, place: string): Range {
  const [min, above, max, below] = BOUNDS.map((name): number | undefined => {
    const value = fields[name];
    if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value;
    throw wrong(`${place}/${name}`, value, 'a number');
  });
  return { min, above, max, below };
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

function decoded(part: string, place: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new UsageError(
      `the JSON schema has ${quote(part)} in a reference at ${place}, which is no text of an address.`,
    );
  }
}

/** The value at a place such as #/$defs/name. */
function resolve(schema: unknown, target: string, place: string): unknown {
  let value: unknown = schema;
  for (const part of target.split('/').slice(1)) {
    const name = decoded(part, place).replaceAll('~1', '/').replaceAll('~0', '~');
    const inside = Object(value) as Fields;
    if (!Object.hasOwn(inside, name)) throw new UsageError(`the JSON schema has no ${target}, which ${place} names.`);
    value = inside[name];
  }
  return value;
}
