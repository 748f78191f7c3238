/** Filters and operators of Jinja for Python that the Jinja of JavaScript lacks or has otherwise (filters.py of jinja2 3.1). */
import { UsageError } from '../../base/errors.ts';
import { pythonRepr, pythonStr } from './python-text.ts';

interface Filter {
  /** Names of the arguments, by place. */
  readonly names: readonly string[];
  readonly of: (self: unknown, args: readonly unknown[]) => unknown;
}

export const FILTERS: Readonly<Record<string, Filter>> = {
  join: {
    names: ['d'],
    of: (self, [separator]) =>
      items(self)
        .map(pythonStr)
        .join(separator === undefined ? '' : pythonStr(separator)),
  },
  list: { names: [], of: (self) => items(self) },
  string: { names: [], of: pythonStr },
  tojson: { names: ['indent'], of: (self, [indent]) => htmlSafeJson(self, indent) },
};

/** What a loop over a value gives: characters, keys, or members. */
function items(self: unknown): unknown[] {
  if (typeof self === 'string') return [...self];
  if (Array.isArray(self)) return self;
  if (typeof self === 'object' && self !== null) return Object.keys(self);
  throw new UsageError(`${pythonRepr(self)} is no list.`);
}

/** `htmlsafe_json_dumps`: keys in order, and what HTML or ASCII does not have as escapes. */
function htmlSafeJson(value: unknown, indent: unknown): string {
  const spaces = typeof indent === 'number' ? indent : undefined;
  return jsonText(value, spaces, '\n').replace(
    /[<>&'\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** As `json.dumps` of Python: spaces after commas and colons. `lineEnd`: with the spaces of the level that it ends. */
function jsonText(value: unknown, indent: number | undefined, lineEnd: string): string {
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' ? JSON.stringify(value) : plainJson(value);
  const inner = lineEnd + ' '.repeat(indent ?? 0);
  const list = Array.isArray(value);
  const parts = list
    ? value.map((one) => jsonText(one, indent, inner))
    : Object.entries(value)
        .sort(([a], [b]) => compareTexts(a, b))
        .map(([key, one]) => `${JSON.stringify(key)}: ${jsonText(one, indent, inner)}`);
  const [open, close] = list ? '[]' : '{}';
  if (parts.length === 0 || indent === undefined) return `${open}${parts.join(', ')}${close}`;
  return `${open}${inner}${parts.join(`,${inner}`)}${lineEnd}${close}`;
}

const JSON_WORDS: Readonly<Record<string, string>> = {
  None: 'null',
  True: 'true',
  False: 'false',
  nan: 'NaN',
  inf: 'Infinity',
  '-inf': '-Infinity',
};

function plainJson(value: unknown): string {
  const text = pythonRepr(value);
  return JSON_WORDS[text] ?? text;
}

/** By code points, as Python orders texts. */
export function compareTexts(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  const at = left.findIndex((c, i) => c !== right[i]);
  if (at < 0) return left.length - right.length;
  return at >= right.length ? 1 : (left[at]?.codePointAt(0) as number) - (right[at]?.codePointAt(0) as number);
}

/** Python's `==` of plain values: True is 1, a text is no number, lists and dictionaries are compared by what is in them. */
export function pythonEquals(a: unknown, b: unknown): boolean {
  const [left, right] = [a, b].map((value) => (typeof value === 'boolean' ? Number(value) : (value ?? null)));
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

/** Python's `text % values`, for `%s`, `%d`, `%f` with digits, and `%%`. */
export function formatted(pattern: string, values: readonly unknown[]): string {
  let used = 0;
  const text = pattern.replace(/%(?:\.(\d+))?(.?)/gs, (part, digits: string | undefined, kind: string) => {
    if (part === '%%') return '%';
    if (used === values.length) throw new UsageError('there are not enough values for the format.');
    const value = values[used++];
    if (kind === 's' && digits === undefined) return pythonStr(value);
    if (typeof value === 'number' && (kind === 'd' || kind === 'i') && digits === undefined)
      return String(Math.trunc(value));
    if (typeof value === 'number' && kind === 'f') return value.toFixed(Number(digits ?? 6));
    throw new UsageError(`'${part}' of ${pythonRepr(value)} is not supported in templates.`);
  });
  if (used < values.length) throw new UsageError('there are more values than the format has places.');
  return text;
}
