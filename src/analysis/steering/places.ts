/** At which tokens of a text values are averaged. */
import { UsageError } from '../../base/errors.ts';
import { ownKind } from '../../options/option.ts';

/** The last token, all, some places, or a range whose end is exclusive; negative numbers count from the end of each text. */
export type Places = 'last' | 'all' | readonly number[] | { readonly from?: number; readonly to?: number };

const isWhole = (value: unknown): boolean => value === undefined || Number.isSafeInteger(value);

export const aPlaces = ownKind<Places>(
  "'last', 'all', a list of whole numbers, or { from, to }; negative ones count from the end of each text",
  (value) =>
    value === 'last' ||
    value === 'all' ||
    (Array.isArray(value) && value.length > 0 && value.every(Number.isSafeInteger)) ||
    (typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.keys(value).every((key) => key === 'from' || key === 'to') &&
      Object.values(value).every(isWhole)),
);

/** From 0 on. Throws UsageError when the text, which `name` names, has none of them. */
export function placesIn(places: Places, length: number, name: string): Set<number> {
  if (places === 'all') return new Set(Array.from({ length }, (_, i) => i));
  const wanted = places === 'last' ? [-1] : 'length' in places ? places : undefined;
  const absolute = (place: number) => (place < 0 ? length + place : place);
  if (wanted) {
    const strange = wanted.find((place) => absolute(place) < 0 || absolute(place) >= length);
    if (strange !== undefined)
      throw new UsageError(
        length === 0
          ? `${name} is empty; give at least one token.`
          : `${name} has ${length} tokens, and so no position ${strange}.`,
      );
    return new Set(wanted.map(absolute));
  }
  const { from = 0, to = length } = places as { readonly from?: number; readonly to?: number };
  const [first, end] = [Math.max(0, absolute(from)), Math.min(length, absolute(to))];
  if (first >= end) throw new UsageError(`${name} has ${length} tokens, none of which lies from ${from} to ${to}.`);
  return new Set(Array.from({ length: end - first }, (_, i) => first + i));
}
