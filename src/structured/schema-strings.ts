/** Strings of a JSON schema. */
import { quote, UsageError } from '../base/errors.ts';
import { counted, lengthCount } from './counted.ts';
import { type Expression, nothing, ranges } from './expression.ts';
import { escapedCharacters, quoted, stringOf } from './json-text.ts';
import { regexLanguage } from './regex.ts';
import { countAt, unsupported, wrong } from './schema-errors.ts';

const DATE = '\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\\d|2[0-8])';
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)';
/** Narrower than the formats, so that every checker accepts them. */
const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  'date-time': `${DATE}T${TIME}`,
  uuid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  ipv4: '(?:(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\.){3}(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)',
  uri: 'https?://[a-z0-9]{1,20}(?:\\.[a-z0-9]{1,20}){0,2}\\.[a-z]{2,10}(?:/[A-Za-z0-9_.~-]{1,40}){0,6}/?',
  hostname: '[a-z0-9]{1,20}(?:\\.[a-z0-9]{1,20}){0,2}\\.[a-z]{2,10}',
  email: '[a-z0-9]{1,20}(?:\\.[a-z0-9]{1,20}){0,2}@[a-z0-9]{1,20}(?:\\.[a-z]{2,10}){1,2}',
};

/**
 * With a pattern, the format is not looked at: JSON Schema has it as a description, and those who write both have patterns that say all. Throws
 * UsageError with the place of what is wrong.
 */
export function stringLanguage(
  { minLength, maxLength, pattern, format }: Readonly<Record<string, unknown>>,
  place: string,
): Expression {
  const min = countAt(minLength, `${place}/minLength`);
  const max = countAt(maxLength, `${place}/maxLength`);
  if (min !== undefined && max !== undefined && min > max)
    throw new UsageError(`the JSON schema at ${place} allows no string: minLength is ${min}, and maxLength ${max}.`);
  if (pattern !== undefined) {
    if (typeof pattern !== 'string') throw wrong(`${place}/pattern`, pattern, 'a text');
    return matching({ source: pattern, within: true, at: `${place}/pattern` }, { min, max, place });
  }
  if (format !== undefined) {
    const known = typeof format === 'string' && Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
    if (known === undefined)
      throw unsupported(`format ${quote(format)}`, `${place}/format`, `known are ${Object.keys(FORMATS).join(', ')}`);
    return matching({ source: known, within: false, at: `${place}/format` }, { min, max, place });
  }
  return stringOf(min, max);
}

interface Bounds {
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly place: string;
}

/** Strings that match, of a length in these bounds. */
function matching(
  { source, within, at }: { readonly source: string; readonly within: boolean; readonly at: string },
  { min, max, place }: Bounds,
): Expression {
  try {
    if ((min ?? max) === undefined) return quoted(regexLanguage(source, { within, write: escapedCharacters }));
    const count = lengthCount(min ?? 0, max ?? Number.POSITIVE_INFINITY);
    const found = counted(regexLanguage(source, { within, write: ranges }), count, escapedCharacters);
    if (found !== nothing) return quoted(found);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`the JSON schema at ${at}: ${error.message}`, { cause: error });
  }
  throw new UsageError(`the JSON schema at ${place} allows no string: none of the wanted length matches.`);
}
