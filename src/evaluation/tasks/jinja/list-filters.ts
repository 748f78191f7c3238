/** Filters of lists, as filters.py of jinja2 3.1 has them. Those that call other filters or tests are in filters.ts. */
import { UsageError } from '../../../base/errors.ts';
import { pythonBool, pythonCompare, pythonEquals } from '../python-order.ts';
import { pythonRepr, pythonStr } from '../python-text.ts';
import { type Tuple, tupleOf } from '../tuple.ts';
import { floatOf, WholeFloat } from '../whole-float.ts';
import { type Filters, isRecord, items, wantedAttribute, wholeArgument } from './filter.ts';

/** What values are ordered by: an attribute or themselves, texts without regard to case where that is not wanted. */
const keyBy = (attribute: unknown, isCaseSensitive: unknown) => (value: unknown) => {
  const key = wantedAttribute(value, attribute);
  return typeof key === 'string' && !pythonBool(isCaseSensitive) ? key.toLowerCase() : key;
};

/** By several attributes, with commas between them. */
function keysBy(attribute: unknown, isCaseSensitive: unknown): (value: unknown) => unknown {
  const all = typeof attribute === 'string' ? attribute.split(',') : [attribute];
  const keys = all.map((one) => keyBy(one, isCaseSensitive));
  return (value) => keys.map((key) => key(value));
}

/** Equal ones stay in their order, also the other way round. */
function sorted(values: readonly unknown[], key: (value: unknown) => unknown, isReversed = false): unknown[] {
  const sign = isReversed ? -1 : 1;
  return values
    .map((value) => ({ value, key: key(value) }))
    .sort((a, b) => sign * pythonCompare(a.key, b.key))
    .map(({ value }) => value);
}

/** The first of those that no other one is beyond; undefined of none. */
const extreme =
  (sign: 1 | -1) =>
  (self: unknown, [isCaseSensitive, attribute]: readonly unknown[]): unknown => {
    const key = keyBy(attribute, isCaseSensitive);
    return items(self).reduce(
      (best: unknown, value, i) => (i === 0 || sign * pythonCompare(key(value), key(best)) > 0 ? value : best),
      undefined,
    );
  };

function sum(values: readonly unknown[], start: unknown): unknown {
  const all = [start, ...values];
  if (all.every(Array.isArray)) return all.flat();
  const numbers = all.map((value) => (typeof value === 'boolean' ? Number(value) : value));
  const wrong = numbers.find((value) => typeof value !== 'number' && !(value instanceof WholeFloat));
  if (wrong !== undefined) throw new UsageError(`${pythonRepr(wrong)} cannot be added to a number.`);
  const total = numbers.reduce((a: number, b) => a + Number(b), 0);
  return numbers.every(Number.isInteger) ? total : floatOf(total);
}

/** Lists of `size`, the last one filled up. */
function batches(values: readonly unknown[], size: number, fill: unknown): unknown[][] {
  if (size < 1) throw new UsageError(`'batch' came with ${size}, wanted a size from 1 on.`);
  const count = Math.ceil(values.length / size);
  const made = Array.from({ length: count }, (_, i) => values.slice(i * size, (i + 1) * size));
  const last = made.at(-1);
  if (last && fill !== undefined && fill !== null) while (last.length < size) last.push(fill);
  return made;
}

/** As many lists as are wanted; the first ones have one more where the number does not divide. */
function slices(values: readonly unknown[], count: number, fill: unknown): unknown[][] {
  if (count < 1) throw new UsageError(`'slice' came with ${count}, wanted a number from 1 on.`);
  const each = Math.floor(values.length / count);
  const longer = values.length % count;
  return Array.from({ length: count }, (_, i) => {
    const start = i * each + Math.min(i, longer);
    const part = values.slice(start, start + each + (i < longer ? 1 : 0));
    return fill !== undefined && fill !== null && i >= longer ? [...part, fill] : part;
  });
}

function grouped(values: readonly unknown[], attribute: unknown, isCaseSensitive: unknown): unknown[] {
  const key = keyBy(attribute, isCaseSensitive);
  const groups: { readonly key: unknown; readonly values: unknown[] }[] = [];
  for (const value of sorted(values, key)) {
    const last = groups.at(-1);
    if (last && pythonEquals(last.key, key(value))) last.values.push(value);
    else groups.push({ key: key(value), values: [value] });
  }
  return groups.map((group) => tupleOf(wantedAttribute(group.values[0], attribute), group.values));
}

function pairsOf(self: unknown, filter: string): Tuple[] {
  if (isRecord(self)) return Object.entries(self).map((pair) => tupleOf(...pair));
  throw new UsageError(`'${filter}' came with ${pythonRepr(self)}, wanted a dictionary.`);
}

export const LIST_FILTERS: Filters = {
  batch: {
    names: ['linecount', 'fill_with'],
    of: (self, [size, fill]) => batches(items(self), wholeArgument(size, 0), fill),
  },
  count: { names: [], of: (self) => items(self).length },
  dictsort: {
    names: ['case_sensitive', 'by', 'reverse'],
    of: (self, [isCaseSensitive, by = 'key', reverse]) =>
      sorted(pairsOf(self, 'dictsort'), keyBy(by === 'value' ? 1 : 0, isCaseSensitive), pythonBool(reverse)),
  },
  first: { names: [], of: (self) => items(self)[0] },
  groupby: {
    names: ['attribute', 'default', 'case_sensitive'],
    of: (self, [attribute, otherwise, isCaseSensitive]) => {
      if (otherwise !== undefined) throw new UsageError("'groupby' with a default is not supported in templates.");
      return grouped(items(self), attribute, isCaseSensitive);
    },
  },
  items: { names: [], of: (self) => pairsOf(self, 'items') },
  join: {
    names: ['d', 'attribute'],
    of: (self, [separator = '', attribute]) =>
      items(self)
        .map((value) => pythonStr(wantedAttribute(value, attribute)))
        .join(pythonStr(separator)),
  },
  last: { names: [], of: (self) => items(self).at(-1) },
  length: { names: [], of: (self) => items(self).length },
  list: { names: [], of: (self) => items(self) },
  max: { names: ['case_sensitive', 'attribute'], of: extreme(1) },
  min: { names: ['case_sensitive', 'attribute'], of: extreme(-1) },
  reverse: {
    names: [],
    of: (self) => (typeof self === 'string' ? [...self].reverse().join('') : items(self).toReversed()),
  },
  slice: {
    names: ['slices', 'fill_with'],
    of: (self, [count, fill]) => slices(items(self), wholeArgument(count, 0), fill),
  },
  sort: {
    names: ['reverse', 'case_sensitive', 'attribute'],
    of: (self, [reverse, isCaseSensitive, attribute]) =>
      sorted(items(self), keysBy(attribute, isCaseSensitive), pythonBool(reverse)),
  },
  sum: {
    names: ['attribute', 'start'],
    of: (self, [attribute, start = 0]) =>
      sum(
        items(self).map((value) => wantedAttribute(value, attribute)),
        start,
      ),
  },
  unique: {
    names: ['case_sensitive', 'attribute'],
    of: (self, [isCaseSensitive, attribute]) => {
      const key = keyBy(attribute, isCaseSensitive);
      const seen: unknown[] = [];
      return items(self).filter((value) => {
        const own = key(value);
        const isNew = !seen.some((other) => pythonEquals(other, own));
        if (isNew) seen.push(own);
        return isNew;
      });
    },
  },
};
