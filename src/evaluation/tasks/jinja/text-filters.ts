/** Filters of texts and numbers, as filters.py of jinja2 3.1 has them. */
import { UsageError } from '../../../base/errors.ts';
import { pythonJsonText } from '../python-json-text.ts';
import { capitalize, strip, TEXT_METHODS } from '../python-methods.ts';
import { pythonBool } from '../python-order.ts';
import { pythonRegex } from '../python-regex.ts';
import { pythonRepr, pythonStr } from '../python-text.ts';
import { floatOf, WholeFloat } from '../whole-float.ts';
import { type Filters, wholeArgument } from './filter.ts';

/** Of the whole text, whatever the value is. */
const ofText = (of: (self: string, args: readonly unknown[]) => unknown, names: readonly string[] = []) => ({
  names,
  of: (self: unknown, args: readonly unknown[]) => of(pythonStr(self), args),
});

function numberOf(self: unknown, filter: string): number {
  if (typeof self === 'number' || typeof self === 'boolean' || self instanceof WholeFloat) return Number(self);
  throw new UsageError(`'${filter}' came with ${pythonRepr(self)}, wanted a number.`);
}

const isWhole = (self: unknown): boolean =>
  typeof self === 'boolean' || (typeof self === 'number' && Number.isInteger(self));

/** `round` of Python: of two that are equally near the even one. */
export function rounded(value: number, digits: number): number {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e21) return value;
  if (digits < 0 || digits > 20) throw new UsageError(`'round' came with ${digits} digits, wanted 0 to 20.`);
  const exact = Math.abs(value).toFixed(100); // all digits of numbers that lie between two roundings
  const [head = '', fraction = ''] = exact.split('.');
  const isBetween = /^50*$/.test(fraction.slice(digits));
  const shortened = `${head}.${fraction.slice(0, digits)}`;
  const isEven = /[02468]$/.test(shortened.replace('.', ''));
  return Math.sign(value) * Number(isBetween && isEven ? shortened : Math.abs(value).toFixed(digits));
}

function round(self: unknown, [digits, method = 'common']: readonly unknown[]): unknown {
  const value = numberOf(self, 'round');
  const places = wholeArgument(digits, 0);
  if (method === 'common') return isWhole(self) && places >= 0 ? value : floatOf(rounded(value, places));
  if (method !== 'ceil' && method !== 'floor')
    throw new UsageError(`'round' came with the method ${pythonRepr(method)}, wanted 'common', 'ceil' or 'floor'.`);
  return floatOf(Math[method](value * 10 ** places) / 10 ** places);
}

const FLOAT = /^[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?$/;

/** `float(value)`, undefined where Python has an error. */
function floatFrom(self: unknown): number | undefined {
  if (typeof self !== 'string')
    return typeof self === 'object' && !(self instanceof WholeFloat) ? undefined : Number(self);
  const text = strip(self);
  if (FLOAT.test(text)) return Number(text.replaceAll('_', ''));
  const [, sign, word] = /^([+-]?)(inf(?:inity)?|nan)$/i.exec(text) ?? [];
  if (word === undefined) return undefined;
  return /nan/i.test(word) ? Number.NaN : sign === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function int(self: unknown, [otherwise = 0, base = 10]: readonly unknown[]): unknown {
  if (base !== 10) throw new UsageError("'int' with a base is not supported in templates.");
  const number = floatFrom(self);
  return number === undefined || !Number.isFinite(number) ? otherwise : Math.trunc(number) + 0;
}

function float(self: unknown, [otherwise = new WholeFloat(0)]: readonly unknown[]): unknown {
  const number = floatFrom(self);
  return number === undefined ? otherwise : floatOf(number);
}

function truncated(self: string, [length, killsWords, end = '...', leeway]: readonly unknown[]): string {
  const [all, mark] = [[...self], pythonStr(end)];
  const most = wholeArgument(length, 255);
  const kept = most - [...mark].length;
  if (kept < 0)
    throw new UsageError(`'truncate' came with the length ${most}, which is shorter than its end ${pythonRepr(mark)}.`);
  if (all.length <= most + wholeArgument(leeway, 5)) return self;
  const head = all.slice(0, kept).join('');
  if (pythonBool(killsWords)) return head + mark;
  const space = head.lastIndexOf(' ');
  return (space < 0 ? head : head.slice(0, space)) + mark;
}

function indented(self: string, [width = 4, first, blank]: readonly unknown[]): string {
  const spaces = typeof width === 'string' ? width : ' '.repeat(wholeArgument(width, 4));
  const lines = TEXT_METHODS.splitlines?.(`${self}\n`, []) as string[];
  const text = lines
    .map((line, i) => (i === 0 || (line === '' && !pythonBool(blank)) ? line : spaces + line))
    .join('\n');
  return pythonBool(first) ? spaces + text : text;
}

function centred(self: string, [width]: readonly unknown[]): string {
  const wanted = wholeArgument(width, 80);
  const room = Math.max(0, wanted - [...self].length);
  const left = Math.floor(room / 2) + (room & wanted & 1);
  return ' '.repeat(left) + self + ' '.repeat(room - left);
}

/** Of each word the first letter large, all others small. Words begin after white space, hyphens and brackets. */
const title = (self: string): string =>
  self
    .split(/([-\s({[<]+)/u)
    .map((word) => {
      const [first = '', ...rest] = [...word];
      return first.toUpperCase() + rest.join('').toLowerCase();
    })
    .join('');

/** `htmlsafe_json_dumps`: keys in order, and what HTML or ASCII does not have as escapes. */
const htmlSafeJson = (value: unknown, indent: unknown): string =>
  pythonJsonText(value, { indent: typeof indent === 'number' ? indent : undefined, sortKeys: true }).replace(
    /[<>&'\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Python's `text % values`, for `%s`, `%d`, `%f` with digits, and `%%`. */
export function formatted(pattern: string, values: readonly unknown[]): string {
  let used = 0;
  const text = pattern.replace(/%(?:\.(\d+))?(.?)/gs, (part, digits: string | undefined, kind: string) => {
    if (part === '%%') return '%';
    if (used === values.length) throw new UsageError('there are not enough values for the format.');
    const value = values[used++];
    if (kind === 's' && digits === undefined) return pythonStr(value);
    const isNumber = typeof value === 'number' || value instanceof WholeFloat;
    if (isNumber && (kind === 'd' || kind === 'i') && digits === undefined) return String(Math.trunc(Number(value)));
    if (isNumber && kind === 'f') return Number(value).toFixed(Number(digits ?? 6));
    throw new UsageError(`'${part}' of ${pythonRepr(value)} is not supported in templates.`);
  });
  if (used < values.length) throw new UsageError('there are more values than the format has places.');
  return text;
}

/** Python's `re.sub`; `count` 0 replaces all. */
function replacedByPattern(self: string, [pattern, replacement, count]: readonly unknown[]): string {
  const most = wholeArgument(count, 0);
  let left = most > 0 ? most : Number.POSITIVE_INFINITY;
  return self.replace(pythonRegex(pythonStr(pattern)), (...found: unknown[]) => {
    const named = typeof found.at(-1) === 'object' ? (found.at(-1) as Readonly<Record<string, string>>) : {};
    return left-- > 0 ? expanded(pythonStr(replacement), found as string[], named) : (found[0] as string);
  });
}

const LINES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\' };

/** Groups of a match in place of `\1` and `\g<name>`. */
function expanded(text: string, groups: readonly string[], named: Readonly<Record<string, string>>): string {
  return text.replace(
    /\\(?:g<(\w+)>|(\d{1,2})|([\s\S]))/g,
    (all: string, name?: string, number?: string, other?: string) => {
      if (other !== undefined) return LINES[other] ?? all;
      const place = number ?? (/^\d+$/.test(name as string) ? name : undefined);
      return (place === undefined ? named[name as string] : groups[Number(place)]) ?? '';
    },
  );
}

export const TEXT_FILTERS: Filters = {
  abs: {
    names: [],
    of: (self) => (self instanceof WholeFloat ? new WholeFloat(Math.abs(self.value)) : Math.abs(numberOf(self, 'abs'))),
  },
  capitalize: ofText(capitalize),
  center: ofText(centred, ['width']),
  float: { names: ['default'], of: float },
  indent: ofText(indented, ['width', 'first', 'blank']),
  int: { names: ['default', 'base'], of: int },
  lower: ofText((self) => self.toLowerCase()),
  regex_replace: ofText(replacedByPattern, ['pattern', 'repl', 'count']),
  replace: ofText((self, args) => TEXT_METHODS.replace?.(self, args), ['old', 'new', 'count']),
  round: { names: ['precision', 'method'], of: round },
  string: ofText((self) => self),
  title: ofText(title),
  tojson: { names: ['indent'], of: (self, [indent]) => htmlSafeJson(self, indent) },
  trim: ofText(
    (self, [characters]) =>
      strip(self, characters === undefined || characters === null ? undefined : pythonStr(characters)),
    ['chars'],
  ),
  truncate: ofText(truncated, ['length', 'killwords', 'end', 'leeway']),
  upper: ofText((self) => self.toUpperCase()),
  urlencode: ofText((self) =>
    encodeURIComponent(self)
      .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%2F', '/'),
  ),
  wordcount: ofText((self) => self.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
};
