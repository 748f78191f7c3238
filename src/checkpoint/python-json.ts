/** JSON as Python's json module reads and writes it: with NaN, Infinity and -Infinity as numbers. The later of two equal keys is used. */

/** A string, or one of the three words outside of strings. */
const WORDS = /"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\w.+-])(?:NaN|-?Infinity)(?![\w.+-])(?!\s*:)/gs;

/** Parses the text. Throws SyntaxError. */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
  }
  let mark = 'NaN';
  while (text.includes(mark)) mark += '!';
  const replaced = text.replace(WORDS, (word) => {
    if (word.startsWith('"')) return word;
    return word === 'NaN' ? `"${mark}"` : word.replace('Infinity', '1e999'); // too large a number is infinite
  });
  return JSON.parse(replaced, (_, value) => (value === mark ? Number.NaN : value));
}

/** Serialises with two spaces of indentation and a final line end. */
export function pythonJson(value: unknown): string {
  const text = JSON.stringify(value);
  let mark = '#';
  while (text.includes(mark)) mark += '#';
  const marked = (_: string, x: unknown) => (typeof x === 'number' && !Number.isFinite(x) ? `${mark}${x}` : x);
  return `${JSON.stringify(value, marked, 2).replaceAll(new RegExp(`"${mark}(NaN|-?Infinity)"`, 'g'), '$1')}\n`;
}
