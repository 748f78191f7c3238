/** How Python writes values as text (`str` and `repr`), and reads them (`ast.literal_eval`). Templates of tasks are written for it. */
import { Tuple } from './tuple.ts';
import { floatOf, WholeFloat } from './whole-float.ts';

export function pythonStr(value: unknown): string {
  return typeof value === 'string' ? value : pythonRepr(value);
}

export function pythonRepr(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number' || typeof value === 'bigint') return numberText(value);
  if (value instanceof WholeFloat) return value.toString();
  if (typeof value === 'string') return quoted(value);
  if (value instanceof Tuple) return `(${value.map(pythonRepr).join(', ')}${value.length === 1 ? ',' : ''})`;
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, inner]) => `${quoted(key)}: ${pythonRepr(inner)}`)
    .join(', ')}}`;
}

function numberText(value: number | bigint): string {
  const text = String(value);
  if (text === 'Infinity' || text === '-Infinity') return text.replace('Infinity', 'inf');
  if (text === 'NaN') return 'nan';
  if (typeof value === 'number' && !Number.isInteger(value) && Math.abs(value) < 1e-4) return scientific(value);
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

/** Python changes to exponents below 1e-4, JavaScript below 1e-6. */
const scientific = (value: number): string => value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inner = text.replace(/[\\\n\r\t\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}']/gu, (c) => {
    if (c === ' ') return c;
    if (c === "'") return quote === "'" ? "\\'" : c;
    const code = c.codePointAt(0) as number;
    const hex = (length: number) => code.toString(16).padStart(length, '0');
    return SHORT_ESCAPES[c] ?? (code < 256 ? `\\x${hex(2)}` : code < 65536 ? `\\u${hex(4)}` : `\\U${hex(8)}`);
  });
  return quote + inner + quote;
}

const TOKEN =
  /\s*(?:([[\](){},:])|((?:[uU]?(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'))|[rR](?:"[^"\n]*"|'[^'\n]*'))|(None|True|False)\b|([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))/y;

/** Parses a literal: texts, numbers, lists, tuples (as lists), dictionaries, True, False, None. Throws SyntaxError. */
export function parsePythonLiteral(text: string): unknown {
  const source = text.trim();
  let at = 0;
  const next = (): RegExpExecArray => {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(source);
    if (!found) throw new SyntaxError(`no literal of Python at character ${at}: ${source.slice(at, at + 30)}`);
    at = TOKEN.lastIndex;
    return found;
  };
  const peek = (): string | undefined => {
    TOKEN.lastIndex = at;
    return TOKEN.exec(source)?.[0].trim();
  };
  const list = (end: string): { values: unknown[]; hasComma: boolean } => {
    const values: unknown[] = [];
    let hasComma = false;
    while (peek() !== end) {
      values.push(value());
      if (peek() !== ',') break;
      next();
      hasComma = true;
    }
    if (next()[1] !== end) throw new SyntaxError(`'${end}' is missing before character ${at}`);
    return { values, hasComma };
  };
  const dictionary = (): Record<string, unknown> => {
    const entries: [string, unknown][] = [];
    while (peek() !== '}') {
      const key = value();
      if (next()[1] !== ':') throw new SyntaxError(`':' is missing before character ${at}`);
      entries.push([pythonStr(key), value()]);
      if (peek() !== ',') break;
      next();
    }
    if (next()[1] !== '}') throw new SyntaxError(`'}' is missing before character ${at}`);
    return Object.fromEntries(entries);
  };
  const value = (): unknown => {
    const [, mark, string, word, number] = next();
    if (string !== undefined) {
      let whole = unescaped(string);
      while (/^[uUrR]?["']/.test(peek() ?? '')) whole += unescaped(next()[2] as string); // texts side by side are one
      return whole;
    }
    if (word !== undefined) return word === 'None' ? null : word === 'True';
    if (number !== undefined) {
      const read = Number(number.replaceAll('_', ''));
      return /[.eE]/.test(number) ? floatOf(read) : read;
    }
    if (mark === '[') return list(']').values;
    if (mark === '{') return dictionary();
    if (mark !== '(') throw new SyntaxError(`'${mark}' is unexpected before character ${at}`);
    const { values, hasComma } = list(')');
    return values.length === 1 && !hasComma ? values[0] : values;
  };
  const whole = value();
  if (at < source.length && peek() === ',') {
    const values = [whole];
    while (peek() === ',') {
      next();
      if (at < source.length) values.push(value());
    }
    if (at === source.length) return values;
  }
  if (at !== source.length) throw new SyntaxError(`unexpected text after the literal: ${source.slice(at, at + 30)}`);
  return whole;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\x07',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '\n': '',
};

function unescaped(literal: string): string {
  const [, prefix = '', quote = '', inner = ''] = /^([uUrR]?)("""|'''|"|')([\s\S]*)\2$/.exec(literal) ?? [];
  if (quote === '') throw new SyntaxError(`${literal} is no text of Python`);
  if (/[rR]/.test(prefix)) return inner;
  return inner.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g,
    (all: string, x?: string, u?: string, long?: string, octal?: string, c?: string) => {
      const hex = x ?? u ?? long;
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      return ESCAPES[c as string] ?? all;
    },
  );
}
