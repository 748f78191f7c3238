/** JSON as Python's json module reads and writes it: with NaN, Infinity and -Infinity as numbers. The later of two equal keys is used. */

/** A string, or outside of strings one of the three words or a number. */
const WORDS =
  /"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\w.+-])(?:NaN|-?Infinity|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])(?!\s*:)/gs;

/** A whole number with a point or an exponent, perhaps within a string. */
const WHOLE_FLOAT = /\d(?:\.0+(?!\d)|(?:\.\d+)?[eE][+-]?\d)/;

/** Parses the text. `wholeFloat`: what a whole number becomes that is written as floating-point (1.0); default: a number. Throws SyntaxError. */
export function parsePythonJson(text: string, wholeFloat?: (value: number) => unknown): unknown {
  try {
    const plain: unknown = JSON.parse(text);
    if (!wholeFloat || !WHOLE_FLOAT.test(text)) return plain;
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
  }
  let mark = 'NaN';
  while (text.includes(mark)) mark += '!';
  const replaced = text.replace(WORDS, (word) => {
    if (word.startsWith('"')) return word;
    if (word.includes('Infinity')) return word.replace('Infinity', '1e999'); // too large a number is infinite
    if (word === 'NaN') return `"${mark}"`;
    return wholeFloat && /[.eE]/.test(word) && Number.isInteger(Number(word)) ? `"${mark}${word}"` : word;
  });
  return JSON.parse(replaced, (_, value) => {
    if (typeof value !== 'string' || !value.startsWith(mark)) return value;
    return value === mark ? Number.NaN : (wholeFloat as (value: number) => unknown)(Number(value.slice(mark.length)));
  });
}

/** Serialises with two spaces of indentation and a final line end. */
export function pythonJson(value: unknown): string {
  const text = JSON.stringify(value);
  let mark = '#';
  while (text.includes(mark)) mark += '#';
  const marked = (_: string, x: unknown) => (typeof x === 'number' && !Number.isFinite(x) ? `${mark}${x}` : x);
  return `${JSON.stringify(value, marked, 2).replaceAll(new RegExp(`"${mark}(NaN|-?Infinity)"`, 'g'), '$1')}\n`;
}
