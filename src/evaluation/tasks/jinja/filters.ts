/** All filters by name, with those that take any arguments: of a format, and of another filter or a test that is applied to each member of a list. */
import { UsageError } from '../../../base/errors.ts';
import { pythonBool } from '../python-order.ts';
import { pythonRepr, pythonStr } from '../python-text.ts';
import { attributeOf, type Filters, items, wantedAttribute } from './filter.ts';
import { LIST_FILTERS } from './list-filters.ts';
import { testHolds } from './predicates.ts';
import { formatted, TEXT_FILTERS } from './text-filters.ts';

/** Arguments of a call, as they stand there. */
export interface Arguments {
  readonly list: readonly unknown[];
  readonly named: Readonly<Record<string, unknown>>;
}

const FILTERS: Filters = { ...TEXT_FILTERS, ...LIST_FILTERS };

type CallingFilter = (self: unknown, args: Arguments) => unknown;

const CALLING: Readonly<Record<string, CallingFilter>> = {
  format: (self, { list, named }) => {
    if (Object.keys(named).length > 0) throw new UsageError("'format' by names is not supported in templates.");
    return formatted(pythonStr(self), list);
  },
  map: (self, { list: [name, ...rest], named }) => {
    const values = items(self);
    if (name !== undefined) return values.map((value) => filtered(pythonStr(name), value, { list: rest, named }));
    const { attribute, default: otherwise, ...others } = named;
    const [unknown] = Object.keys(others);
    if (attribute === undefined || unknown !== undefined)
      throw new UsageError(`'map' came with ${unknown ?? 'nothing'}, wanted the name of a filter, or attribute='…'.`);
    return values.map((value) =>
      otherwise === undefined ? wantedAttribute(value, attribute) : (attributeOf(value, attribute) ?? otherwise),
    );
  },
  select: (self, { list }) => items(self).filter((value) => holds(value, list)),
  reject: (self, { list }) => items(self).filter((value) => !holds(value, list)),
  selectattr: (self, { list: [name, ...test] }) => items(self).filter((value) => holds(attributeOf(value, name), test)),
  rejectattr: (self, { list: [name, ...test] }) =>
    items(self).filter((value) => !holds(attributeOf(value, name), test)),
};

/** `test`: the name of a test and its arguments; without one, what is not empty or 0 passes. */
function holds(value: unknown, [name, ...args]: readonly unknown[]): boolean {
  if (name !== undefined) return testHolds(pythonStr(name), value, args);
  if (value === undefined) throw new UsageError('a member lacks the attribute that is asked for.');
  return pythonBool(value);
}

/** The value of a filter; undefined where there is none, as the first of an empty list. Throws UsageError. */
export function filtered(name: string, self: unknown, args: Arguments): unknown {
  const calling = Object.hasOwn(CALLING, name) ? CALLING[name] : undefined;
  if (calling) return calling(self, args);
  const filter = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
  if (filter) return filter.of(self, byPlace(args, filter.names));
  throw new UsageError(
    `the filter '${name}' is not supported in templates: known are ${[...Object.keys(FILTERS), ...Object.keys(CALLING)].sort().join(', ')}.`,
  );
}

/** Arguments by their places, of which `names` has the names. */
export function byPlace({ list, named }: Arguments, names: readonly string[]): unknown[] {
  const values = [...list];
  if (values.length > names.length)
    throw new UsageError(`there are ${values.length} arguments, wanted ${names.length} at most.`);
  for (const [name, value] of Object.entries(named)) {
    const place = names.indexOf(name);
    if (place < 0) throw new UsageError(`the argument ${pythonRepr(name)} is not known here.`);
    values[place] = value;
  }
  return values;
}
