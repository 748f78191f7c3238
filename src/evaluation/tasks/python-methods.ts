/** Methods of Python's texts and lists that templates of tasks call, and that the Jinja of JavaScript lacks or has otherwise. */
import { UsageError } from '../../base/errors.ts';
import { pythonEquals } from './python-order.ts';
import { pythonRepr, pythonStr } from './python-text.ts';

/** What Python takes for white space in texts (`str.isspace`). */
export const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const LEADING_SPACE = new RegExp(`^${SPACE}+`);
/** Where `str.splitlines` cuts. */
const LINE_ENDS = '\\r\\n|[\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029]';
const LINE_END = new RegExp(LINE_ENDS);
const LAST_LINE_END = new RegExp(`(?:${LINE_ENDS})$`);
const SPACES = new RegExp(`${SPACE}+`);
const STARTS_WITH_SPACE = new RegExp(`^${SPACE}`);
const ENDS_WITH_SPACE = new RegExp(`${SPACE}$`);

export const startsWithSpace = (text: string): boolean => STARTS_WITH_SPACE.test(text);
export const endsWithSpace = (text: string): boolean => ENDS_WITH_SPACE.test(text);

export function strip(text: string, characters?: string): string {
  return stripEnd(stripStart(text, characters), characters);
}

function stripStart(text: string, characters?: string): string {
  if (characters === undefined) return text.replace(LEADING_SPACE, '');
  const all = [...text];
  const from = all.findIndex((c) => !characters.includes(c));
  return from < 0 ? '' : all.slice(from).join('');
}

export function stripEnd(text: string, characters?: string): string {
  if (characters === undefined) {
    // From the end: a pattern for `spaces, then the end` would try every run of spaces on the way.
    let end = text.length;
    while (end > 0 && startsWithSpace(text.charAt(end - 1))) end--;
    return text.slice(0, end);
  }
  const all = [...text];
  const to = all.findLastIndex((c) => !characters.includes(c));
  return all.slice(0, to + 1).join('');
}

/** Letters that are two letters in one, and have a title case. */
const TITLES: Readonly<Record<string, string>> = { ǆ: 'ǅ', ǉ: 'ǈ', ǌ: 'ǋ', ǳ: 'ǲ' };

/** The first character in title case, all others in lower case. */
export function capitalize(text: string): string {
  const [first = '', ...rest] = [...text];
  const upper = TITLES[first.toLowerCase()] ?? first.toUpperCase();
  // Title case: of an upper case of two letters only the first stays large.
  const [head = '', ...tail] = [...upper];
  return head + tail.join('').toLowerCase() + rest.join('').toLowerCase();
}

type Method<T> = (self: T, args: readonly unknown[]) => unknown;

const text = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : pythonStr(value);
const whole = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise);

/** Places in texts count characters (code points). */
function find(self: string, sought: string, from: number): number {
  const characters = [...self];
  const begin = from < 0 ? Math.max(0, characters.length + from) : from;
  if (begin > characters.length) return -1;
  const prefix = characters.slice(0, begin).join('').length;
  const at = self.indexOf(sought, prefix);
  return at < 0 ? -1 : [...self.slice(0, at)].length;
}

function splitAtSpaces(self: string, most: number): string[] {
  const parts: string[] = [];
  let rest = stripStart(self);
  while (rest !== '') {
    const found = parts.length === most ? null : SPACES.exec(rest);
    if (!found) return [...parts, parts.length === most ? rest : stripEnd(rest)];
    parts.push(rest.slice(0, found.index));
    rest = rest.slice(found.index + found[0].length);
  }
  return parts;
}

function split(self: string, separator: string | undefined, most: number): string[] {
  if (separator === undefined) return splitAtSpaces(self, most);
  const parts = self.split(separator);
  return most < 0 || parts.length <= most + 1 ? parts : [...parts.slice(0, most), parts.slice(most).join(separator)];
}

function splitFromEnd(self: string, separator: string | undefined, most: number): string[] {
  if (separator === undefined) throw new UsageError("'rsplit' without a separator is not supported in templates.");
  const parts = self.split(separator);
  const head = parts.length - most;
  return most < 0 || head <= 1 ? parts : [parts.slice(0, head).join(separator), ...parts.slice(head)];
}

function replaced(self: string, old: string, by: string, most: number): string {
  const parts = old === '' ? ['', ...self, ''] : self.split(old);
  const count = most < 0 ? parts.length - 1 : Math.min(most, parts.length - 1);
  return parts.reduce((text, part, i) => text + (i <= count ? by : old) + part);
}

function wanted(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new UsageError(`${pythonRepr(value)} came as an argument, wanted a text.`);
}

function notFound(what: unknown, where: string): never {
  throw new UsageError(`${pythonRepr(what)} is not in ${where}.`);
}

export const TEXT_METHODS: Readonly<Record<string, Method<string>>> = {
  strip: (self, [characters]) => strip(self, text(characters)),
  lstrip: (self, [characters]) => stripStart(self, text(characters)),
  rstrip: (self, [characters]) => stripEnd(self, text(characters)),
  capitalize,
  title: (self) => self.replace(/\p{L}+/gu, capitalize),
  split: (self, [separator, most]) => split(self, text(separator), whole(most, -1)),
  rsplit: (self, [separator, most]) => splitFromEnd(self, text(separator), whole(most, -1)),
  splitlines: (self) => self.replace(LAST_LINE_END, '').split(LINE_END),
  find: (self, [sought, from]) => find(self, pythonStr(sought), whole(from, 0)),
  index: (self, [sought, from]) => {
    const at = find(self, pythonStr(sought), whole(from, 0));
    return at < 0 ? notFound(sought, 'the text') : at;
  },
  count: (self, [sought]) => self.split(pythonStr(sought)).length - 1,
  join: (self, [list]) => (Array.isArray(list) ? list.map(pythonStr).join(self) : [...pythonStr(list)].join(self)),
  isdigit: (self) => /^\p{Nd}+$/u.test(self),
  lower: (self) => self.toLowerCase(),
  upper: (self) => self.toUpperCase(),
  replace: (self, [old, replacement, most]) => replaced(self, wanted(old), wanted(replacement), whole(most, -1)),
  removeprefix: (self, [prefix]) => (self.startsWith(pythonStr(prefix)) ? self.slice(pythonStr(prefix).length) : self),
  removesuffix: (self, [suffix]) => {
    const end = pythonStr(suffix);
    return end !== '' && self.endsWith(end) ? self.slice(0, -end.length) : self;
  },
  partition: (self, [separator]) => {
    const at = self.indexOf(pythonStr(separator));
    const end = at + pythonStr(separator).length;
    return at < 0 ? [self, '', ''] : [self.slice(0, at), self.slice(at, end), self.slice(end)];
  },
};

export const LIST_METHODS: Readonly<Record<string, Method<readonly unknown[]>>> = {
  index: (self, [sought]) => {
    const at = self.findIndex((value) => pythonEquals(value, sought));
    return at < 0 ? notFound(sought, pythonRepr(self)) : at;
  },
  count: (self, [sought]) => self.filter((value) => pythonEquals(value, sought)).length,
};
