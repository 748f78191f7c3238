/** Reads values from unchecked parsed JSON. Every error contains the path of the value, what came and what was wanted. */
import { CheckpointError } from '../base/errors.ts';

export type JsonObject = { readonly [key: string]: unknown };

/** Ids beyond this are damage: the largest vocabularies are near 2^18. */
const MAX_ID = 2 ** 24;

/** A value in a file, and its path. */
export interface Place {
  readonly value: unknown;
  readonly path: string;
}

export function wrong({ value, path }: Place, wanted: string): CheckpointError {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : Array.isArray(value) ? 'a list' : String(kindOf(value));
  const came = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return new CheckpointError(
    `${path} came as ${came}, wanted ${wanted}. Tokenizer files of this kind are not supported.`,
  );
}

function kindOf(value: unknown): unknown {
  if (value === undefined) return 'nothing';
  return typeof value === 'object' && value !== null ? 'an object' : value;
}

/** The value of a key of an object; inherited keys do not count. */
export function at(object: Place, key: string): Place {
  const { value, path } = object;
  return {
    value: Object.hasOwn(value as object, key) ? (value as JsonObject)[key] : undefined,
    path: `${path}.${key}`,
  };
}

export function objectAt(place: Place): Place {
  const { value } = place;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(place, 'an object');
  return place;
}

export function listAt(place: Place): Place[] {
  if (!Array.isArray(place.value)) throw wrong(place, 'a list');
  return Array.from(place.value, (value, i) => ({ value, path: `${place.path}[${i}]` }));
}

export function textAt(place: Place): string {
  if (typeof place.value !== 'string') throw wrong(place, 'a text');
  return place.value;
}

export function flagAt(place: Place, otherwise: boolean): boolean {
  const value = place.value ?? otherwise;
  if (typeof value !== 'boolean') throw wrong(place, 'true or false');
  return value;
}

export function idAt(place: Place): number {
  const { value } = place;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= MAX_ID)
    throw wrong(place, 'a whole number from 0 to 2^24 - 1');
  return value;
}

/** Is the value undefined or null? */
export function isAbsent(place: Place): boolean {
  return place.value === undefined || place.value === null;
}
