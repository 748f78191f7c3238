/** Objects of a JSON schema: their properties in the order of the schema, then others where the schema allows them. */
import { quote, UsageError } from '../base/errors.ts';
import { type Expression, either, empty, literal, repeat, sequence } from './expression.ts';
import { anyValue, colon, comma, stringExcept } from './json-text.ts';
import { unsupported, wrong } from './schema-errors.ts';

type Fields = Readonly<Record<string, unknown>>;

type Language = (schema: unknown, place: string) => Expression;

/** `language`: that of a schema within. Throws UsageError with the place of what is wrong. */
export function objectLanguage(given: Fields, place: string, language: Language): Expression {
  const { properties = {}, required = [], additionalProperties = true } = withNames(given, place);
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties))
    throw new UsageError(`the JSON schema has ${quote(properties)} at ${place}/properties, wanted an object.`);
  if (!Array.isArray(required) || !required.every((one) => typeof one === 'string'))
    throw new UsageError(`the JSON schema has ${quote(required)} at ${place}/required, wanted a list of names.`);
  const other =
    additionalProperties === false
      ? undefined
      : additionalProperties === true
        ? anyValue
        : language(additionalProperties, `${place}/additionalProperties`);
  const unnamed = required.filter((name) => !Object.hasOwn(properties, name));
  if (unnamed.length > 0 && !other)
    throw new UsageError(
      `the JSON schema at ${place}/required names ${quote(unnamed[0])}, which properties lacks, and there are no additional ones.`,
    );
  const pairs = [
    ...Object.entries(properties).map(([name, schema]) => {
      const value = language(schema, `${place}/properties/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
      return { name, value, isRequired: required.includes(name) };
    }),
    ...unnamed.map((name) => ({ name, value: other as Expression, isRequired: true })),
  ];
  const otherPair = other && sequence(stringExcept(pairs.map(({ name }) => name)), colon, other);
  // What may follow when nothing was written yet, and when something was; built from the end.
  let first = otherPair ? repeat(sequence(otherPair, repeat(sequence(comma, otherPair))), 0, 1) : empty;
  let later = otherPair ? repeat(sequence(comma, otherPair)) : empty;
  for (const { name, value, isRequired } of pairs.reverse()) {
    const pair = sequence(literal(JSON.stringify(name)), colon, value);
    const begun = sequence(pair, later);
    const goesOn = sequence(comma, pair, later);
    first = isRequired ? begun : either(begun, first);
    later = isRequired ? goesOn : either(goesOn, later);
  }
  return sequence(literal('{'), first, literal('}'));
}

/** Where `propertyNames` lists the names, these are the properties and there are no others. Throws UsageError where it says anything else of them. */
function withNames({ propertyNames, ...fields }: Fields, place: string): Fields {
  if (propertyNames === undefined || propertyNames === true) return fields;
  const { type, enum: names, ...others } = Object(propertyNames) as Fields;
  const isKnown = (type === undefined || type === 'string') && Object.keys(others).length === 0;
  if (!isKnown || propertyNames === false)
    throw unsupported(
      'propertyNames',
      `${place}/propertyNames`,
      'only { "type": "string" } or a list of names as "enum"',
    );
  if (names === undefined) return fields;
  if (!Array.isArray(names) || !names.every((one) => typeof one === 'string'))
    throw wrong(`${place}/propertyNames/enum`, names, 'a list of names');
  const { properties, additionalProperties = true } = fields;
  const known = Object(properties) as Fields;
  const listed = names.map((name: string) => [name, Object.hasOwn(known, name) ? known[name] : additionalProperties]);
  return { ...fields, properties: Object.fromEntries(listed), additionalProperties: false };
}
