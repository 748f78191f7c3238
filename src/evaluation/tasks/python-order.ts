/** How Python compares values: `==`, `<` and the order of lists. */
import { UsageError } from '../../base/errors.ts';
import { pythonRepr } from './python-text.ts';
import { WholeFloat } from './whole-float.ts';

/** By code points, as Python orders texts. */
export function compareTexts(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  const at = left.findIndex((c, i) => c !== right[i]);
  if (at < 0) return left.length - right.length;
  return at >= right.length ? 1 : (left[at]?.codePointAt(0) as number) - (right[at]?.codePointAt(0) as number);
}

/** True is 1, and 1.0 is 1. */
const scalar = (value: unknown): unknown =>
  typeof value === 'boolean' || value instanceof WholeFloat ? Number(value) : (value ?? null);

/** Python's `==` of plain values: a text is no number, lists and dictionaries are compared by what is in them. */
export function pythonEquals(a: unknown, b: unknown): boolean {
  const [left, right] = [scalar(a), scalar(b)];
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return left === right;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const [ours, theirs] = [left, right] as unknown as readonly Record<string, unknown>[] as [
    Record<string, unknown>,
    Record<string, unknown>,
  ];
  const keys = Object.keys(ours);
  return (
    keys.length === Object.keys(theirs).length &&
    keys.every((key) => Object.hasOwn(theirs, key) && pythonEquals(ours[key], theirs[key]))
  );
}

/** Below 0 where a is less than b, above 0 where it is more. Throws UsageError where Python cannot tell, as of a text and a number. */
export function pythonCompare(a: unknown, b: unknown): number {
  const [left, right] = [scalar(a), scalar(b)];
  if (typeof left === 'string' && typeof right === 'string') return compareTexts(left, right);
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (Array.isArray(left) && Array.isArray(right)) {
    const at = left.findIndex((value, i) => i >= right.length || !pythonEquals(value, right[i]));
    if (at < 0) return left.length - right.length;
    return at >= right.length ? 1 : pythonCompare(left[at], right[at]);
  }
  throw new UsageError(`${pythonRepr(a)} and ${pythonRepr(b)} have no order.`);
}

/** Python's `bool`: no number but 0, no text, list or dictionary that is empty, and not None. */
export function pythonBool(value: unknown): boolean {
  const one = scalar(value);
  if (Array.isArray(one)) return one.length > 0;
  return typeof one === 'object' && one !== null ? Object.keys(one).length > 0 : Boolean(one);
}
