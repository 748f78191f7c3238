/**
 * Words of GPT-2 (openai/gpt-2, encoder.py): what ByteLevel splits a text by,
 * `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`. By hand, because an engine's regular expressions fail at a
 * run of some 2^22 letters.
 */

const LETTER = 1;
const NUMBER = 2;
const SPACE = 3;
const OTHER = 4;

/** Kinds of the characters of the basic plane, computed when first needed. 0: not known yet. */
const kinds = new Uint8Array(0x10000);

function find(char: string): number {
  if (/\p{L}/u.test(char)) return LETTER;
  if (/\p{N}/u.test(char)) return NUMBER;
  return /\p{White_Space}/u.test(char) ? SPACE : OTHER;
}

/** Of the character at a place; one of two code units lies beyond the basic plane. */
function kindAt(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  if (isLead(unit)) return find(String.fromCodePoint(text.codePointAt(index) as number));
  let kind = kinds[unit] as number;
  if (kind === 0) {
    kind = find(text.charAt(index));
    kinds[unit] = kind;
  }
  return kind;
}

/** Units of the character at a place. */
function widthAt(text: string, index: number): number {
  return (text.codePointAt(index) as number) > 0xffff ? 2 : 1;
}

function endOfRun(text: string, from: number, kind: number): number {
  let end = from;
  while (end < text.length && kindAt(text, end) === kind) end += isLead(text.charCodeAt(end)) ? widthAt(text, end) : 1;
  return end;
}

function isLead(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

/** Divides a text into words; joined, they are the whole text. */
export function byteLevelWords(text: string): string[] {
  const words: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = endOfWord(text, start);
    words.push(text.slice(start, end));
    start = end;
  }
  return words;
}

function endOfWord(text: string, start: number): number {
  const contraction = text.charCodeAt(start) === APOSTROPHE ? contractionAt(text, start) : 0;
  if (contraction > 0) return start + contraction;
  const kind = kindAt(text, start);
  if (kind !== SPACE) return endOfRun(text, start, kind);
  if (text.charCodeAt(start) === BLANK && start + 1 < text.length) {
    const next = kindAt(text, start + 1);
    if (next !== SPACE) return endOfRun(text, start + 1, next);
  }
  const end = endOfRun(text, start, SPACE);
  // The last white space before a word belongs to the next match.
  return end < text.length && end > start + 1 ? end - 1 : end;
}

const APOSTROPHE = 0x27;
const BLANK = 0x20;

function contractionAt(text: string, start: number): number {
  const two = text.slice(start + 1, start + 3);
  if (two === 're' || two === 've' || two === 'll') return 3;
  return 'stmd'.includes(two.charAt(0)) && two !== '' ? 2 : 0;
}
