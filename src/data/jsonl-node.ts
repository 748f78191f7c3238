/** Reads JSONL files: one JSON object on each line. */
import { UsageError } from '../base/errors.ts';
import { bytesFrom } from './bytes-node.ts';
import { documentOf, type RecordFields } from './document.ts';
import type { DataFile } from './files-node.ts';
import type { OnBadRecord, SourceItem, SourcePlace } from './source-item.ts';

/** Of one line; longer ones are a file of another kind. */
const MAX_LINE_BYTES = 256 << 20;

const WHOLE = { isFirst: true, isLast: true };
const NEWLINE = 10;

export async function* readJsonl(
  file: DataFile,
  fields: RecordFields,
  from: SourcePlace,
  onBad: OnBadRecord,
): AsyncGenerator<SourceItem> {
  for await (const { bytes, number, end, bytesRead } of linesFrom(file, from)) {
    try {
      const record = parsed(bytes);
      if (record === undefined) continue;
      const next = { offset: end, line: number, isWithin: false };
      yield { document: documentOf(record, fields), part: WHOLE, next, bytesRead };
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      onBad(`line ${number}`, error.message);
    }
  }
}

/** Undefined for an empty line. Throws UsageError that says what is wrong with a line. */
function parsed(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).trim();
  } catch {
    throw new UsageError('it is no text in UTF-8');
  }
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    const isList = /^\[/.test(text);
    throw new UsageError(
      `it is no JSON (${(error as Error).message})${isList ? '; wanted is one object on each line, not a list over several' : ''}`,
    );
  }
}

interface Line {
  readonly bytes: Uint8Array;
  /** From 1 on. */
  readonly number: number;
  /** Where the next line begins. */
  readonly end: number;
  readonly bytesRead: number;
}

async function* linesFrom(file: DataFile, from: SourcePlace): AsyncGenerator<Line> {
  let { offset, line: number } = from;
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  let read = 0;
  const join = (last: Uint8Array) => (begun.length === 0 ? last : Buffer.concat([...begun, last]));
  for await (const { bytes, bytesRead } of bytesFrom(file, offset)) {
    read = bytesRead;
    let start = 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, start)) {
      const line = join(bytes.subarray(start, at));
      start = at + 1;
      begun = [];
      begunBytes = 0;
      offset += line.length + 1;
      yield { bytes: line, number: ++number, end: offset, bytesRead };
    }
    if (start < bytes.length) begun.push(bytes.subarray(start));
    begunBytes += bytes.length - start;
    if (begunBytes > MAX_LINE_BYTES)
      throw new UsageError(
        `${file.path}, line ${number + 1} has more than ${MAX_LINE_BYTES >> 20} MB: wanted is one JSON object on each line.`,
      );
  }
  if (begunBytes > 0)
    yield { bytes: join(new Uint8Array()), number: ++number, end: offset + begunBytes, bytesRead: read };
}
