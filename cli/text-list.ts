/** Files of many texts: one a line, or JSON Lines. */
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';

/**
 * Lines that are not empty, without their ends. In a file whose name ends in .jsonl, each is a JSON text, or an object with a key `text`.
 */
export function textList(path: string): string[] {
  let content: string;
  try {
    content = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new InvalidArgumentError('There is no such file.');
    throw new InvalidArgumentError(`It cannot be read: ${(error as Error).message}.`);
  }
  const lines = content.split(/\r?\n/).flatMap((line, i) => (line.trim() === '' ? [] : [{ line, number: i + 1 }]));
  if (lines.length === 0) throw new InvalidArgumentError('There is no text in it; give one a line.');
  return lines.map(({ line, number }) => (path.endsWith('.jsonl') ? textIn(line, number) : line));
}

function textIn(line: string, number: number): string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new InvalidArgumentError(`Line ${number} is no JSON.`);
  }
  const text = typeof value === 'object' && value !== null && 'text' in value ? value.text : value;
  if (typeof text === 'string' && text !== '') return text;
  throw new InvalidArgumentError(`Line ${number} is no text, and no object with a key "text".`);
}
