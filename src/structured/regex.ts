/** Regular expressions of JavaScript as languages of bytes. Without what no mask can follow: looking around, references back, word boundaries. */
import { quote, UsageError } from '../base/errors.ts';
import {
  type CodePoints,
  characters,
  type Expression,
  either,
  empty,
  MAX_CODE_POINT,
  repeat,
  sequence,
  without,
} from './expression.ts';

const ALL: CodePoints = [[0, MAX_CODE_POINT]];
const LINE_ENDS: CodePoints = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
const CLASSES: Readonly<Record<string, CodePoints>> = {
  d: [[0x30, 0x39]],
  w: [
    [0x30, 0x39],
    [0x41, 0x5a],
    [0x5f, 0x5f],
    [0x61, 0x7a],
  ],
  s: [
    ...([
      [0x09, 0x0d],
      [0x20, 0x20],
      [0xa0, 0xa0],
      [0x1680, 0x1680],
      [0x2000, 0x200a],
      [0x2028, 0x2029],
    ] as const),
    ...([
      [0x202f, 0x202f],
      [0x205f, 0x205f],
      [0x3000, 0x3000],
      [0xfeff, 0xfeff],
    ] as const),
  ],
};
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, '0': 0 };
const MOST_TURNS = 10_000;

/** How one character of a set is written, such as escaped in a string of JSON. */
export type WriteCharacters = (set: CodePoints) => Expression;

/**
 * Texts that match as a whole: ^ at the beginning and $ at the end may stand or not. `within`: as `test` of JavaScript and `pattern` of JSON Schema
 * match, anywhere in the text unless ^ and $ say otherwise. Throws UsageError that names what is not supported.
 */
export function regexLanguage(
  source: string,
  { within = false, write = characters }: { readonly within?: boolean; readonly write?: WriteCharacters } = {},
): Expression {
  try {
    new RegExp(source, 'u');
  } catch (error) {
    // Engines repeat the expression in their message.
    const reason = (error as Error).message.replace(/^Invalid regular expression: (?:\/.*\/\w*: )?/s, '');
    throw new UsageError(`the regular expression ${quote(source)} is not valid: ${reason}.`);
  }
  return new Parser(source, within, write).whole();
}

class Parser {
  readonly #source: readonly string[];
  readonly #text: string;
  readonly #within: boolean;
  readonly #write: WriteCharacters;
  #at = 0;

  constructor(source: string, within: boolean, write: WriteCharacters) {
    this.#text = source;
    this.#source = Array.from(source);
    this.#within = within;
    this.#write = write;
  }

  /** Alternatives of the whole, each of which may have its anchors. */
  whole(): Expression {
    const anything = this.#within ? repeat(this.#write(ALL)) : empty;
    const parts: Expression[] = [];
    do {
      const begins = this.#takes('^');
      const body = this.#sequence();
      const ends = this.#takes('$');
      parts.push(sequence(begins ? empty : anything, body, ends ? empty : anything));
    } while (this.#takes('|'));
    if (this.#at < this.#source.length) throw this.#unsupported(`${this.#source[this.#at]} within`);
    return either(...parts);
  }

  #alternatives(): Expression {
    const parts = [this.#sequence()];
    while (this.#takes('|')) parts.push(this.#sequence());
    return either(...parts);
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    for (let next = this.#source[this.#at]; next !== undefined && !'|)$^'.includes(next); next = this.#source[this.#at])
      parts.push(this.#repeated(this.#atom()));
    return sequence(...parts);
  }

  #repeated(part: Expression): Expression {
    const rest = this.#source.slice(this.#at, this.#at + 24).join('');
    const [found, min, comma, max] = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})/.exec(rest) ?? [];
    if (found === undefined) return part;
    this.#at += found.length;
    this.#takes('?'); // lazy: the same texts
    if (found === '*') return repeat(part);
    if (found === '+') return repeat(part, 1);
    if (found === '?') return repeat(part, 0, 1);
    const most = comma === '' ? Number(min) : max === '' ? Number.POSITIVE_INFINITY : Number(max);
    if (Number(min) > MOST_TURNS || (most > MOST_TURNS && most !== Number.POSITIVE_INFINITY))
      throw this.#unsupported(`${found}, more than ${MOST_TURNS} times,`);
    return repeat(part, Number(min), most);
  }

  #atom(): Expression {
    const char = this.#source[this.#at++] as string;
    if (char === '(') return this.#group();
    if (char === '[') return this.#write(this.#class());
    if (char === '.') return this.#write(without(ALL, LINE_ENDS));
    if (char === '\\') return this.#write(this.#escape(false));
    return this.#write(single(char.codePointAt(0) as number));
  }

  #group(): Expression {
    if (this.#takes('?')) {
      const rest = this.#source.slice(this.#at).join('');
      const [kind] = /^(?::|<[\p{L}_$][\p{L}\p{N}_$]*>)/u.exec(rest) ?? [];
      if (kind === undefined) throw this.#unsupported(`(?${rest.slice(0, 2)}`);
      this.#at += Array.from(kind).length;
    }
    const inner = this.#alternatives();
    if (!this.#takes(')')) throw this.#unsupported(`${this.#source[this.#at]} within a group`);
    return inner;
  }

  #class(): CodePoints {
    const negated = this.#takes('^');
    let set: CodePoints = [];
    while (!this.#takes(']')) {
      const from = this.#classMember();
      const [only] = from;
      if (
        from.length === 1 &&
        only?.[0] === only?.[1] &&
        this.#source[this.#at] === '-' &&
        this.#source[this.#at + 1] !== ']'
      ) {
        this.#at++;
        const to = this.#classMember();
        set = [...set, [only?.[0] as number, to[0]?.[1] as number]];
      } else set = [...set, ...from];
    }
    const outside = without(ALL, set);
    return negated ? outside : without(ALL, outside);
  }

  #classMember(): CodePoints {
    const char = this.#source[this.#at++] as string;
    return char === '\\' ? this.#escape(true) : single(char.codePointAt(0) as number);
  }

  #escape(inClass: boolean): CodePoints {
    const char = this.#source[this.#at++] as string;
    const named = CLASSES[char.toLowerCase()];
    if (named && /[dws]/i.test(char)) return /[DWS]/.test(char) ? without(ALL, named) : named;
    const control = CONTROLS[char];
    if (control !== undefined) return single(control);
    if (char === 'b' && inClass) return single(8);
    const rest = this.#source.slice(this.#at).join('');
    const [whole, short, long, braces] =
      /^(?:(?<=^)([0-9a-fA-F]{4})|([0-9a-fA-F]{2})|\{([0-9a-fA-F]+)\})/.exec(rest) ?? [];
    if (char === 'x' && whole !== undefined) {
      this.#at += 2;
      return single(Number.parseInt(rest.slice(0, 2), 16));
    }
    if (char === 'u' && (short ?? braces) !== undefined && long === undefined) {
      this.#at += (whole as string).length;
      return single(Number.parseInt((short ?? braces) as string, 16));
    }
    if (/[A-Za-z1-9]/.test(char)) throw this.#unsupported(`\\${char}`);
    return single(char.codePointAt(0) as number);
  }

  #takes(char: string): boolean {
    if (this.#source[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #unsupported(what: string): UsageError {
    return new UsageError(`the regular expression ${quote(this.#text)} has ${what}, which is not supported here.`);
  }
}

const single = (codePoint: number): CodePoints => [[codePoint, codePoint]];
