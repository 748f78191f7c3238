/** Text from standard input, for commands that were given none. */
import { addAbortSignal } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { UsageError } from '../src/node.ts';
import { interrupt } from './interrupt.ts';
import { textOf } from './options.ts';

/**
 * Less a line end at its end, which echo adds and which would change what comes next. Throws UsageError with `missing` when standard input is
 * a terminal, or has nothing.
 */
export async function standardInput(missing: string): Promise<string> {
  if (process.stdin.isTTY) throw new UsageError(missing);
  const bytes = await buffer(addAbortSignal(interrupt.signal, process.stdin));
  const text = textOf(bytes, 'standard input').replace(/\r?\n$/, '');
  if (text === '') throw new UsageError(`${missing.replace(/\.$/, '')} (standard input is empty).`);
  return text;
}
