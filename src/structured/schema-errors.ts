/** What is wrong with a JSON schema, and where. */
import { quote, UsageError } from '../base/errors.ts';

/** A number of characters or items. Throws UsageError on anything else. */
export function countAt(value: unknown, place: string): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0))
    return value as number | undefined;
  throw wrong(place, value, 'a whole number from 0 on');
}

export const wrong = (place: string, value: unknown, wanted: string) =>
  new UsageError(`the JSON schema has ${quote(value)} at ${place}, wanted ${wanted}.`);

export const unsupported = (what: string, place: string, instead?: string) =>
  new UsageError(
    `the JSON schema has ${what} at ${place}, which is not supported${instead === undefined ? '' : `: ${instead}`}.`,
  );
