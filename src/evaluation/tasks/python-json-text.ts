/** Values as `json.dumps` of Python writes them (with ensure_ascii=False): spaces after commas and colons, 1.0 with its point, NaN and Infinity. */
import { compareTexts } from './python-order.ts';
import { pythonRepr } from './python-text.ts';
import { WholeFloat } from './whole-float.ts';

export interface JsonForm {
  /** Spaces of each level; default: all in one line. */
  readonly indent?: number | undefined;
  readonly sortKeys?: boolean | undefined;
}

export function pythonJsonText(value: unknown, { indent, sortKeys = false }: JsonForm = {}): string {
  const spaces = indent === undefined ? '' : ' '.repeat(indent);
  /** `lineEnd`: with the spaces of the level that it ends. */
  const text = (one: unknown, lineEnd: string): string => {
    if (typeof one === 'string') return JSON.stringify(one);
    if (typeof one !== 'object' || one === null || one instanceof WholeFloat) return word(one);
    const inner = lineEnd + spaces;
    const isList = Array.isArray(one);
    const parts = isList
      ? one.map((item) => text(item, inner))
      : entriesOf(one, sortKeys).map(([key, item]) => `${JSON.stringify(key)}: ${text(item, inner)}`);
    const [open, close] = isList ? '[]' : '{}';
    if (parts.length === 0 || indent === undefined) return `${open}${parts.join(', ')}${close}`;
    return `${open}${inner}${parts.join(`,${inner}`)}${lineEnd}${close}`;
  };
  return text(value, '\n');
}

function entriesOf(record: object, sortKeys: boolean): [string, unknown][] {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined);
  return sortKeys ? entries.sort(([a], [b]) => compareTexts(a, b)) : entries;
}

const WORDS: Readonly<Record<string, string>> = {
  None: 'null',
  True: 'true',
  False: 'false',
  nan: 'NaN',
  inf: 'Infinity',
  '-inf': '-Infinity',
};

function word(value: unknown): string {
  const text = pythonRepr(value);
  return WORDS[text] ?? text;
}
