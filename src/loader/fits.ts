/** Whether a model fits into memory, said before any is allocated. */
import { ModelMemoryError } from '../base/errors.ts';
import type { KeyValueFormat } from '../formats/key-values.ts';
import { describe, expectedPeakBytes } from './describe.ts';
import type { OpenedModel } from './open.ts';

export interface MemoryLimit {
  readonly threads: number;
  readonly keyValues?: KeyValueFormat | undefined;
  readonly memoryBytes: number;
  /** Why there is no more, as in 'this machine has 8000 MB'. */
  readonly reason: string;
  /** How a format is asked for, before its name: `--weights `. */
  readonly ask: string;
  readonly more: string;
}

/** Throws ModelMemoryError when a model and the memory to run it exceed what there is. */
export function checkFitsInto(opened: OpenedModel, limit: MemoryLimit): void {
  const { threads, keyValues, memoryBytes, reason, ask, more } = limit;
  const neededBytes = expectedPeakBytes(opened, threads);
  if (neededBytes <= memoryBytes) return;
  const { peakBytes } = describe(opened, threads, keyValues);
  const formats = Object.entries(peakBytes)
    .filter(([format, bytes]) => format !== 'auto' && bytes <= memoryBytes)
    .map(([format, bytes]) => ({ format, bytes }));
  const list = formats.map(({ format, bytes }) => `${ask}${format} (${megabytes(bytes)})`).join(', ');
  throw new ModelMemoryError(
    `the model needs ${megabytes(neededBytes)} of memory, but ${reason}. ` +
      `${list ? `These formats fit: ${list}` : 'No format of its weights fits'}. ${more}`,
    { neededBytes, memoryBytes, formats },
  );
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
