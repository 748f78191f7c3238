/** Tests of templates (`x is even`, `select('gt', 3)`), as tests.py of jinja2 3.1 has them. Values are plain data, undefined where there is none. */
import { UsageError } from '../../../base/errors.ts';
import { pythonCompare, pythonEquals } from '../python-order.ts';
import { pythonRepr, pythonStr } from '../python-text.ts';
import { WholeFloat } from '../whole-float.ts';
import { isRecord, items } from './filter.ts';

type Test = (self: unknown, args: readonly unknown[]) => boolean;

const isNumber = (self: unknown): boolean => ['number', 'boolean'].includes(typeof self) || self instanceof WholeFloat;

function remainder(self: unknown, by: unknown): number {
  if (!isNumber(self) || !isNumber(by) || Number(by) === 0)
    throw new UsageError(`${pythonRepr(self)} cannot be divided by ${pythonRepr(by)}.`);
  return Number(self) % Number(by);
}

const equal: Test = (self, [other]) => pythonEquals(self, other);
const unequal: Test = (self, [other]) => !pythonEquals(self, other);
const more: Test = (self, [other]) => pythonCompare(self, other) > 0;
const moreOrEqual: Test = (self, [other]) => pythonCompare(self, other) >= 0;
const less: Test = (self, [other]) => pythonCompare(self, other) < 0;
const lessOrEqual: Test = (self, [other]) => pythonCompare(self, other) <= 0;

/** Letters that have a case are there, and all of them have this one. */
const hasCase = (text: string, same: string): boolean => text === same && text.toLowerCase() !== text.toUpperCase();

/** Of what is undefined, all of these are false. */
const KINDS: Readonly<Record<string, Test>> = {
  none: (self) => self === null,
  boolean: (self) => typeof self === 'boolean',
  false: (self) => self === false,
  true: (self) => self === true,
  integer: (self) => typeof self === 'number' && Number.isInteger(self),
  float: (self) => self instanceof WholeFloat || (typeof self === 'number' && !Number.isInteger(self)),
  number: isNumber,
  string: (self) => typeof self === 'string',
  mapping: isRecord,
  sequence: (self) => typeof self === 'string' || Array.isArray(self) || isRecord(self),
};

const TESTS: Readonly<Record<string, Test>> = {
  odd: (self) => Math.abs(remainder(self, 2)) === 1,
  even: (self) => remainder(self, 2) === 0,
  divisibleby: (self, [by]) => remainder(self, by) === 0,
  iterable: (self) => typeof self === 'string' || Array.isArray(self) || isRecord(self),
  lower: (self) => hasCase(pythonStr(self), pythonStr(self).toLowerCase()),
  upper: (self) => hasCase(pythonStr(self), pythonStr(self).toUpperCase()),
  in: (self, [list]) => isIn(self, list),
  eq: equal,
  equalto: equal,
  '==': equal,
  ne: unequal,
  '!=': unequal,
  gt: more,
  greaterthan: more,
  '>': more,
  ge: moreOrEqual,
  '>=': moreOrEqual,
  lt: less,
  lessthan: less,
  '<': less,
  le: lessOrEqual,
  '<=': lessOrEqual,
};

/** Python's `in`: of a text its parts, of a dictionary its keys. */
export function isIn(self: unknown, list: unknown): boolean {
  if (typeof list !== 'string') return items(list).some((value) => pythonEquals(value, self));
  if (typeof self === 'string') return list.includes(self);
  throw new UsageError(`${pythonRepr(self)} is no text, so it cannot be a part of one.`);
}

/** Tests that may be asked of what is undefined. */
export const takesUndefined = (name: string): boolean =>
  name === 'defined' || name === 'undefined' || Object.hasOwn(KINDS, name);

/** Throws UsageError when there is no such test, or a value is undefined that the test needs. */
export function testHolds(name: string, self: unknown, args: readonly unknown[]): boolean {
  if (name === 'defined') return self !== undefined;
  if (name === 'undefined') return self === undefined;
  if (Object.hasOwn(KINDS, name)) return (KINDS[name] as Test)(self, args);
  const test = Object.hasOwn(TESTS, name) ? TESTS[name] : undefined;
  if (!test)
    throw new UsageError(
      `the test '${name}' is not supported in templates: known are defined, undefined, ${Object.keys({ ...KINDS, ...TESTS }).join(', ')}.`,
    );
  if (self === undefined) throw new UsageError(`a value is undefined, so it is not known whether it is '${name}'.`);
  return test(self, args);
}
