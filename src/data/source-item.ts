/** What is read of a file, piece by piece, and where to go on after it. */
import { UsageError } from '../base/errors.ts';
import type { TrainingDocument } from './document.ts';
import type { TextPart } from './encode.ts';

/** A place in a file: after unpacking, for packed ones. */
export interface SourcePlace {
  /** Bytes; 0 in tables. */
  readonly offset: number;
  /** Lines or rows before it. */
  readonly line: number;
  /** Is it within a document? */
  readonly isWithin: boolean;
}

export const FILE_START: SourcePlace = { offset: 0, line: 0, isWithin: false };

export interface SourceItem {
  readonly document: TrainingDocument;
  readonly part: TextPart;
  /** Where the next item begins. */
  readonly next: SourcePlace;
  /** Bytes of the file that were read so far, for progress. */
  readonly bytesRead: number;
}

/** Takes what cannot be read: throws, or notes it and returns. `where`: such as 'line 7'. */
export type OnBadRecord = (where: string, problem: string) => void;

/** Messages about records that are left out; beyond these they are only counted. */
const MOST_NOTED = 5;

/** `badRecords` of the options, for one file. `finish` tells how many were left out. */
export function badRecordPolicy(
  path: string,
  policy: 'error' | 'skip',
  onWarning: (message: string) => void = () => {},
) {
  let count = 0;
  return {
    onBad(where: string, problem: string): void {
      if (policy === 'error')
        throw new UsageError(`${path}, ${where}: ${problem}. Correct it, or set data.badRecords to 'skip'.`);
      if (++count <= MOST_NOTED) onWarning(`${path}, ${where} is left out: ${problem}.`);
    },
    finish(): void {
      if (count > MOST_NOTED) onWarning(`${path}: ${count} records were left out.`);
    },
  };
}
