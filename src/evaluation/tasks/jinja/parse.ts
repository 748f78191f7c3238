/**
 * From the text of a template to its parts. What the parser lacks of Jinja is written in another way before: raw blocks, escapes, names with all
 * letters, tests with arguments.
 */
import { UsageError } from '../../../base/errors.ts';
import { type Node, parse, type Token, tokenize } from './library.ts';

/** Throws an error when the text is no Jinja. */
export function parsedTemplate(source: string): { readonly body: readonly Node[] } {
  const text = source.replaceAll('\r\n', '\n').replace(PARTS, rewritten);
  return parse(withTests(withNames(tokenize(`${text}\n`)))); // one line end is taken away
}

const STRING = `"(?:[^"\\\\]|\\\\[\\s\\S])*"|'(?:[^'\\\\]|\\\\[\\s\\S])*'`;

/** A raw block, a comment, or a tag, in which strings may have what else ends it. */
const PARTS = new RegExp(
  `\\{%([-+]?)\\s*raw\\s*(-?)%\\}([\\s\\S]*?)\\{%([-+]?)\\s*endraw\\s*([-+]?)%\\}|\\{#[\\s\\S]*?#\\}|\\{\\{(?:${STRING}|[^'"])*?\\}\\}|\\{%(?:${STRING}|[^'"])*?%\\}`,
  'g',
);

function rewritten(part: string, before?: string, first?: string, raw?: string, last?: string, after?: string): string {
  if (part.startsWith('{#')) return part;
  if (raw === undefined)
    return part
      .replace(/^\{%\+/, '{%')
      .replace(/\+%\}$/, '%}')
      .replace(new RegExp(`${STRING}|[\\p{L}_][\\p{L}\\p{N}_]*`, 'gu'), (found) =>
        /^["']/.test(found) ? withKnownEscapes(found) : spelt(found),
      );
  const head = first === '-' ? raw.trimStart() : raw;
  const text = (last === '-' ? head.trimEnd() : head).replace(/[\\']/g, '\\$&');
  return `{{${before === '-' ? '-' : ''} '${text}' ${after === '-' ? '-' : ''}}}`;
}

/** Escapes of Python's strings. An escape that has no meaning keeps its backslash. */
function withKnownEscapes(string: string): string {
  return string.replace(
    /\\(?:([0-7]{1,3})|U([0-9a-fA-F]{8})|(N\{)|(a)|(\n)|([\s\S]))/g,
    (all: string, octal?: string, long?: string, name?: string, bell?: string, end?: string, other?: string) => {
      if (octal !== undefined) return unit(Number.parseInt(octal, 8));
      if (long !== undefined)
        return [...String.fromCodePoint(Number.parseInt(long, 16)).split('')]
          .map((c) => unit(c.charCodeAt(0)))
          .join('');
      if (name !== undefined) throw new UsageError('names of characters (\\N{…}) are not supported.');
      if (bell !== undefined) return unit(7);
      if (end !== undefined) return '';
      return /[ntrbfv'"\\xu]/.test(other as string) ? all : `\\${all}`;
    },
  );
}

const SPELT = '__letters_';

/** A name with other letters than those of ASCII, which the parser does not take for letters. */
const spelt = (name: string): string =>
  /[^\0-\x7f]/.test(name) ? SPELT + [...name].map((c) => (c.codePointAt(0) as number).toString(16)).join('_') : name;

function withNames(tokens: readonly Token[]): Token[] {
  return tokens.map((token) => {
    if (token.type !== 'Identifier' || !token.value.startsWith(SPELT)) return token;
    const codes = token.value.slice(SPELT.length).split('_');
    return { type: token.type, value: String.fromCodePoint(...codes.map((code) => Number.parseInt(code, 16))) };
  });
}

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`;

/** Tests with arguments, which the parser lacks, as filters named `is NAME`, and `is in` as the operator. */
function withTests(tokens: readonly Token[]): Token[] {
  const made: Token[] = [];
  const isName = (token: Token | undefined, name?: string): token is Token =>
    token?.type === 'Identifier' && (name === undefined || token.value === name);
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    const isNegated = isName(tokens[at + 1], 'not');
    const test = tokens[at + (isNegated ? 2 : 1)];
    const next = tokens[at + (isNegated ? 3 : 2)];
    if (!isName(token, 'is') || made.at(-1)?.type === 'Dot' || !isName(test)) made.push(token);
    else if (test.value === 'in')
      continue; // what follows is the operator
    else if (next?.type === 'OpenParen') {
      made.push(
        { type: 'Pipe', value: '|' },
        { type: 'Identifier', value: `${isNegated ? 'is not' : 'is'} ${test.value}` },
      );
      at += isNegated ? 2 : 1;
    } else made.push(token);
  }
  return made;
}
