/** Regular expressions of Python (module `re`) as those of JavaScript. */
import { quote, UsageError } from '../../base/errors.ts';
import { SPACE } from './python-methods.ts';

/** Python's white space, within [ ]. */
const SPACES = SPACE.slice(1, -1);

/** What differs in meaning, outside of [ ]. */
const CLASSES: Readonly<Record<string, string>> = {
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  w: '[\\p{L}\\p{N}_]',
  W: '[^\\p{L}\\p{N}_]',
  s: `[${SPACES}]`,
  S: `[^${SPACES}]`,
  A: '(?<![\\s\\S])',
  Z: '(?![\\s\\S])',
  a: '\\x07',
  b: '(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))',
  B: '(?:(?<=[\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_]))',
};

/** The same within [ ], where no groups can stand. */
const INNER: Readonly<Record<string, string>> = {
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  w: '\\p{L}\\p{N}_',
  s: SPACES,
  a: '\\x07',
  b: '\\x08',
};

const SYNTAX = /[\^$\\.*+?()[\]{}|/]/;

/** A global regular expression. Throws UsageError on what JavaScript has no counterpart for. */
export function pythonRegex(pattern: string): RegExp {
  const { source, flags } = withoutFlags(pattern);
  try {
    return new RegExp(translated(source, flags), `gu${flags.includes('i') ? 'i' : ''}`);
  } catch (error) {
    throw new UsageError(
      `the regular expression ${quote(pattern, 200)} is not supported: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

/** Flags at the beginning, such as (?s). */
function withoutFlags(pattern: string): { source: string; flags: string } {
  const [all = '', flags = ''] = /^\(\?([aiLmsux]+)\)/.exec(pattern) ?? [];
  const unknown = /[aLx]/.exec(flags)?.[0];
  if (unknown !== undefined)
    throw new UsageError(
      `the regular expression ${quote(pattern, 200)} has the flag '${unknown}', which is not supported.`,
    );
  return { source: pattern.slice(all.length), flags };
}

function translated(source: string, flags: string): string {
  let out = '';
  const dot = flags.includes('s') ? '[\\s\\S]' : '[^\\n]';
  const isMultiline = flags.includes('m');
  for (let at = 0; at < source.length; ) {
    const c = String.fromCodePoint(source.codePointAt(at) as number);
    at += c.length;
    if (c === '\\') {
      const next = source[at++] ?? '';
      out += CLASSES[next] ?? escaped(next);
    } else if (c === '[') {
      const end = endOfClass(source, at);
      out += classOf(source.slice(at, end));
      at = end + 1;
    } else if (c === '.') out += dot;
    else if (c === '$') out += isMultiline ? '(?=\\n|(?![\\s\\S]))' : '(?=\\n?(?![\\s\\S]))';
    else if (c === '^') out += isMultiline ? '(?<=\\n|(?<![\\s\\S]))' : '(?<![\\s\\S])';
    else if (c === '(' && source.startsWith('?P', at)) {
      if (source.startsWith('?P=', at)) {
        const end = source.indexOf(')', at);
        out += `\\k<${source.slice(at + 3, end)}>`;
        at = end + 1;
      } else {
        out += '(?';
        at += 2;
      }
    } else if (c === '{' && !/^\d*,?\d*\}/.test(source.slice(at))) out += '\\{';
    else if (c === '}' && !/\{\d*,?\d*$/.test(source.slice(0, at - 1))) out += '\\}';
    else if (c === '{' && source[at] === ',') out += '{0';
    else out += c === ']' ? '\\]' : c;
  }
  return out;
}

/** Letters and digits keep their meaning; other characters stand for themselves. */
function escaped(c: string): string {
  return /[a-zA-Z0-9]/.test(c) || SYNTAX.test(c) ? `\\${c}` : c;
}

function endOfClass(source: string, from: number): number {
  let at = source[from] === '^' ? from + 1 : from;
  if (source[at] === ']') at++; // the first ] is one of the characters
  while (at < source.length && source[at] !== ']') at += source[at] === '\\' ? 2 : 1;
  if (at >= source.length) throw new SyntaxError("']' is missing");
  return at;
}

function classOf(inner: string): string {
  const isNegated = inner.startsWith('^');
  const body = isNegated ? inner.slice(1) : inner;
  const text = body.replace(/\\([\s\S])|([[\]{}()|/])/g, (_, c?: string, plain?: string) => {
    if (plain !== undefined) return `\\${plain}`;
    return INNER[c as string] ?? (c === '-' ? '\\-' : escaped(c as string));
  });
  return `[${isNegated ? '^' : ''}${loneHyphens(text)}]`;
}

/** In `[\w.-]` and `[$0-9.,]`: a hyphen after a class of characters is one of the characters, but JavaScript takes it for an error. */
function loneHyphens(text: string): string {
  return text.replace(/(\\p\{\w+\}|\\u3000|_)-/g, '$1\\-').replace(/-(?=\\(?:p\{|t-))/g, '\\-');
}
