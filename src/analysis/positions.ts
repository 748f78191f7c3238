/** Places in a text, counted from 0, or from its end with negative numbers: -1 is the last. */
import { UsageError } from '../base/errors.ts';
import { kind, ownKind } from '../options/option.ts';

export const aPosition = kind(
  'a whole number; negative ones count from the end, -1 is the last',
  ownKind<number>('', Number.isSafeInteger),
);

export const positionList = ownKind<readonly number[]>(
  'a list of whole numbers; negative ones count from the end, -1 is the last',
  (value) => Array.isArray(value) && value.every(Number.isSafeInteger),
);

/** From 0 on. Throws UsageError when the text has no such place. */
export function findPosition(position: number, tokens: number): number {
  const found = position < 0 ? tokens + position : position;
  if (found >= 0 && found < tokens) return found;
  throw new UsageError(
    `position ${position} does not exist: the text has ${tokens} tokens, at 0 to ${tokens - 1}, or -${tokens} to -1 from its end.`,
  );
}
