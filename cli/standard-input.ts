/** Reads text from standard input, when a command was given none. */
import { addAbortSignal } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { UsageError } from '../src/node.ts';
import { interrupt } from './interrupt.ts';
import { textOf } from './options.ts';

/**
 * Removes a line end at the end of the text, which echo adds and which would change the continuation. Throws UsageError with `missing` when
 * standard input is a terminal or empty.
 */
export async function standardInput(missing: string): Promise<string> {
  if (process.stdin.isTTY) throw new UsageError(missing);
  const bytes = await buffer(addAbortSignal(interrupt.signal, process.stdin));
  const text = textOf(bytes, 'standard input').replace(/\r?\n$/, '');
  if (text === '') throw new UsageError(`${missing.replace(/\.$/, '')} (standard input is empty).`);
  return text;
}
