/** Reads Parquet files with hyparquet, which is loaded only for them: an optional peer dependency. */
import { UsageError } from '../base/errors.ts';
import { documentOf, type RecordFields } from './document.ts';
import type { DataFile } from './files-node.ts';
import type { OnBadRecord, SourceItem, SourcePlace } from './source-item.ts';

/** Groups of rows that are larger are read in parts. */
const MAX_GROUP_BYTES = 128 << 20;

const WHOLE = { isFirst: true, isLast: true };
const USUAL_FIELDS = ['text', 'messages', 'prompt', 'completion'];

/** Throws UsageError when hyparquet is missing, or the file is damaged or packed in a way that nothing here unpacks. */
export async function* readParquet(
  file: DataFile,
  fields: RecordFields,
  from: SourcePlace,
  onBad: OnBadRecord,
): AsyncGenerator<SourceItem> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } = await loadHyparquet(
    file.path,
  );
  const compressors = await loadCompressors();
  const explained = (error: unknown): UsageError => {
    const { message } = error as Error;
    const advice = /unsupported compression/i.test(message)
      ? ' Install what unpacks it: npm install hyparquet-compressors'
      : '';
    return new UsageError(`${file.path} cannot be read as Parquet: ${message}.${advice}`, { cause: error });
  };
  const buffer = await asyncBufferFromFile(file.path);
  const metadata = await parquetMetadataAsync(buffer).catch((error: unknown) => {
    throw explained(error);
  });
  const columns = columnsOf(
    parquetSchema(metadata).children.map(({ element }) => element.name),
    fields,
    file.path,
  );
  const total = Number(metadata.num_rows);
  let groupStart = 0;
  for (const group of metadata.row_groups) {
    const groupEnd = groupStart + Number(group.num_rows);
    const parts = Math.max(1, Math.ceil(Number(group.total_byte_size) / MAX_GROUP_BYTES));
    const step = Math.max(1, Math.ceil((groupEnd - groupStart) / parts));
    for (let rowStart = Math.max(groupStart, from.line); rowStart < groupEnd; rowStart += step) {
      const rowEnd = Math.min(rowStart + step, groupEnd);
      const range = { file: buffer, metadata, columns, compressors, rowStart, rowEnd, useOffsetIndex: true };
      const records = await parquetReadObjects(range).catch((error: unknown) => {
        throw explained(error);
      });
      for (const [i, record] of records.entries()) {
        const line = rowStart + i + 1;
        const document = read(record, fields, `row ${line - 1}`, onBad);
        const bytesRead = Math.round((buffer.byteLength * line) / total);
        if (document) yield { document, part: WHOLE, next: { offset: 0, line, isWithin: false }, bytesRead };
      }
    }
    groupStart = groupEnd;
  }
}

function read(record: unknown, fields: RecordFields, where: string, onBad: OnBadRecord) {
  try {
    return documentOf(record, fields);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    onBad(where, error.message);
    return undefined;
  }
}

/** Only these are unpacked. */
function columnsOf(
  there: readonly string[],
  { field, messages, prompt, completion }: RecordFields,
  path: string,
): string[] {
  const named = [field, messages, prompt, completion].filter((name) => name !== undefined);
  const wanted = named.length > 0 ? named : USUAL_FIELDS;
  const missing = named.find((name) => !there.includes(name));
  const columns = [...wanted, 'tools'].filter((name) => there.includes(name));
  if (missing !== undefined || columns.length === 0)
    throw new UsageError(
      `${path} has the columns ${there.join(', ')}, but ${missing === undefined ? `none of ${USUAL_FIELDS.join(', ')}` : `no '${missing}'`}: name ` +
        'yours with data.field, data.messages, or data.prompt and data.completion.',
    );
  return columns;
}

async function loadHyparquet(path: string) {
  try {
    return await import('hyparquet');
  } catch (error) {
    throw new UsageError(`${path} is read with the package hyparquet, which is not installed: npm install hyparquet`, {
      cause: error,
    });
  }
}

/** Undefined where the package is not installed: without it, files that are packed by Snappy or not at all can be read. */
async function loadCompressors() {
  try {
    return (await import('hyparquet-compressors')).compressors;
  } catch {
    return undefined;
  }
}
