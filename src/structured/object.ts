/** Objects of a JSON schema: their properties in the order of the schema, then others where the schema allows them. */
import { quote, UsageError } from '../base/errors.ts';
import { type Expression, either, empty, literal, repeat, sequence } from './expression.ts';
import { anyValue, colon, comma, stringExcept } from './json-text.ts';

type Language = (schema: unknown, place: string) => Expression;

/** `language`: that of a schema within. Throws UsageError with the place of what is wrong. */
export function objectLanguage(
  { properties = {}, required = [], additionalProperties = true }: Readonly<Record<string, unknown>>,
  place: string,
  language: Language,
): Expression {
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
