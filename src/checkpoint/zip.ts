/**
 * The part of the zip format (PKWARE APPNOTE 6.3.10) that checkpoints use: a directory at the end of the file and
 * entries stored as they are, so that a range of an entry is a range of the file. Also zip64, for files over 4 GiB.
 * The directory is checked against the size of the file before it is used.
 */
import { CheckpointError } from '../base/errors.ts';
import type { Source } from './source.ts';

export interface ZipEntry {
  readonly name: string;
  /** Bytes of the entry, unpacked. */
  readonly size: number;
  /** Bytes it takes in the file. */
  readonly packedSize: number;
  /** Offset of its local header; the data follow the header, which contains its own length. */
  readonly headerOffset: number;
  /** The entry ends before this offset: the start of the directory. */
  readonly end: number;
  /** 0: stored as it is. */
  readonly method: number;
  readonly encrypted: boolean;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const END_64_LOCATOR = 0x07064b50;

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const END_64_BYTES = 56;
const LOCATOR_BYTES = 20;
const MAX_COMMENT_BYTES = 0xffff;
const ZIP_64_EXTRA = 1;

/** Of an entry of the directory: its name, extra field and comment have at most 65535 bytes each. */
const MOST_CENTRAL_BYTES = CENTRAL_BYTES + 3 * 0xffff;

/** An entry costs some 120 bytes here; the largest checkpoints have some 10^5 tensors. */
const MAX_DIRECTORY_BYTES = 32 << 20;

const METHODS: Record<number, string> = { 8: 'deflate', 9: 'deflate64', 12: 'bzip2', 14: 'lzma', 93: 'zstd' };

/** Reads the directory. Throws CheckpointError when it is damaged or points outside the file. */
export async function readZipDirectory(source: Source, signal?: AbortSignal): Promise<Map<string, ZipEntry>> {
  const { offset, size, count } = await findDirectory(source, signal);
  if (size > MAX_DIRECTORY_BYTES)
    throw damaged(source, `its directory has ${size} bytes, more than ${MAX_DIRECTORY_BYTES}`);
  if (count * CENTRAL_BYTES > size)
    throw damaged(source, `its directory of ${size} bytes cannot hold the ${count} entries it announces`);
  // One more: a signature may follow the entries.
  if (size > (count + 1) * MOST_CENTRAL_BYTES)
    throw damaged(source, `its directory has ${size} bytes, more than the ${count} entries that it announces can take`);
  const bytes = await readRange(source, offset, size, signal);
  const view = viewOf(bytes);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > size || view.getUint32(at, true) !== CENTRAL)
      throw damaged(source, `entry ${i} of its directory does not start where it should`);
    const extraAt = at + CENTRAL_BYTES + view.getUint16(at + 28, true);
    const commentAt = extraAt + view.getUint16(at + 30, true);
    const next = commentAt + view.getUint16(at + 32, true);
    if (next > size) throw damaged(source, `entry ${i} of its directory ends after the directory`);
    const name = decodeName(source, bytes.subarray(at + CENTRAL_BYTES, extraAt));
    const entry = {
      name,
      ...placeOf(source, name, view, at, extraAt, commentAt),
      end: offset,
      method: view.getUint16(at + 10, true),
      encrypted: (view.getUint16(at + 8, true) & 1) !== 0,
    };
    if (entry.headerOffset + LOCAL_BYTES + entry.packedSize > offset)
      throw damaged(source, `its entry '${shorten(name)}' does not fit in the file`);
    if (entries.has(name)) throw damaged(source, `it has two entries called '${shorten(name)}'`);
    entries.set(name, entry);
    at = next;
  }
  return entries;
}

/** Offset of a stored entry's data in the file. Throws CheckpointError for what is compressed or encrypted. */
export async function dataOffset(source: Source, entry: ZipEntry, signal?: AbortSignal): Promise<number> {
  const { name, method, encrypted, headerOffset } = entry;
  if (encrypted)
    throw new CheckpointError(`${source.name}: its entry '${shorten(name)}' is encrypted: save it without a password.`);
  if (method !== 0) {
    const how = METHODS[method] ?? `method ${method}`;
    throw new CheckpointError(
      `${source.name}: its entry '${shorten(name)}' is compressed (${how}): wanted entries stored as they are, as ` +
        'torch.save writes them. Load it with torch and save it again, or convert it to safetensors.',
    );
  }
  if (entry.size !== entry.packedSize)
    throw damaged(source, `its entry '${shorten(name)}' is stored as it is, yet its two sizes differ`);
  const nameBytes = new TextEncoder().encode(name).length;
  const header = await readRange(source, headerOffset, LOCAL_BYTES + nameBytes, signal);
  const view = viewOf(header);
  const sameName = () => decodeName(source, header.subarray(LOCAL_BYTES)) === name;
  if (view.getUint32(0, true) !== LOCAL || view.getUint16(26, true) !== nameBytes || !sameName())
    throw damaged(source, `the header of its entry '${shorten(name)}' is not where the directory says`);
  const start = headerOffset + header.length + view.getUint16(28, true); // torch pads with the extra field
  if (start + entry.size > entry.end)
    throw damaged(source, `its entry '${shorten(name)}' ends after the directory starts`);
  return start;
}

/** Reads `length` bytes into new memory, after checking that the file has them. */
export async function readRange(
  source: Source,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (offset + length > source.size) throw damaged(source, `${length} bytes at ${offset} lie outside the file`);
  const into = new Uint8Array(length);
  if (length > 0) await source.read(offset, into, signal);
  return into;
}

/** Shortens a name for messages: names in a file may be long. */
export function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

async function findDirectory(source: Source, signal: AbortSignal | undefined): Promise<Directory> {
  const tailOffset = Math.max(0, source.size - END_BYTES - MAX_COMMENT_BYTES);
  const tail = await readRange(source, tailOffset, source.size - tailOffset, signal);
  const view = viewOf(tail);
  let at = tail.length - END_BYTES;
  // A comment may hold the mark of an end record, but then its length does not reach the end of the file.
  while (
    at >= 0 &&
    !(view.getUint32(at, true) === END && at + END_BYTES + view.getUint16(at + 20, true) === tail.length)
  )
    at--;
  if (at < 0)
    throw damaged(source, 'a zip file ends with its directory, and this one does not: it may have been cut off');
  const endOffset = tailOffset + at;
  const [disk, firstDisk, here, count] = [4, 6, 8, 10].map((field) => view.getUint16(at + field, true));
  const directory = { offset: view.getUint32(at + 16, true), size: view.getUint32(at + 12, true), count: count ?? 0 };
  const large = count === 0xffff || directory.offset === 0xffffffff || directory.size === 0xffffffff;
  if (large) return findDirectory64(source, endOffset, signal);
  if (disk !== 0 || firstDisk !== 0 || here !== count)
    throw damaged(source, 'it is one of several parts of a zip file');
  return checkDirectory(source, directory, endOffset);
}

async function findDirectory64(source: Source, endOffset: number, signal: AbortSignal | undefined): Promise<Directory> {
  const locatorOffset = endOffset - LOCATOR_BYTES;
  if (locatorOffset < 0)
    throw damaged(source, 'it says that it is a zip64 file, and has no room for the records of one');
  const locator = viewOf(await readRange(source, locatorOffset, LOCATOR_BYTES, signal));
  if (locator.getUint32(0, true) !== END_64_LOCATOR)
    throw damaged(source, 'it says that it is a zip64 file, and lacks the zip64 locator');
  const recordOffset = uint64(source, locator, 8);
  if (recordOffset + END_64_BYTES > locatorOffset) throw damaged(source, 'its zip64 end record lies outside the file');
  const record = viewOf(await readRange(source, recordOffset, END_64_BYTES, signal));
  if (record.getUint32(0, true) !== END_64) throw damaged(source, 'its zip64 end record is not where it should be');
  const count = uint64(source, record, 32);
  if (record.getUint32(16, true) !== 0 || record.getUint32(20, true) !== 0 || uint64(source, record, 24) !== count)
    throw damaged(source, 'it is one of several parts of a zip file');
  return checkDirectory(
    source,
    { offset: uint64(source, record, 48), size: uint64(source, record, 40), count },
    recordOffset,
  );
}

function checkDirectory(source: Source, directory: Directory, end: number): Directory {
  if (directory.offset + directory.size > end) throw damaged(source, 'its directory lies outside the file');
  return directory;
}

/** Sizes and place of an entry: 32 bits in its record, or 64 bits in an extra field for those that are all ones. */
function placeOf(source: Source, name: string, view: DataView, at: number, extraAt: number, extraEnd: number) {
  const size = view.getUint32(at + 24, true);
  const packedSize = view.getUint32(at + 20, true);
  const headerOffset = view.getUint32(at + 42, true);
  if (![size, packedSize, headerOffset].includes(0xffffffff)) return { size, packedSize, headerOffset };
  let field = extraAt;
  while (field + 4 <= extraEnd && view.getUint16(field, true) !== ZIP_64_EXTRA)
    field += 4 + view.getUint16(field + 2, true);
  const end = field + 4 <= extraEnd ? field + 4 + view.getUint16(field + 2, true) : Number.POSITIVE_INFINITY;
  if (end > extraEnd) throw damaged(source, `its entry '${shorten(name)}' lacks the 64-bit sizes it announces`);
  let next = field + 4;
  const wide = (narrow: number) => {
    if (narrow !== 0xffffffff) return narrow;
    if (next + 8 > end) throw damaged(source, `its entry '${shorten(name)}' lacks the 64-bit sizes it announces`);
    next += 8;
    return uint64(source, view, next - 8);
  };
  return { size: wide(size), packedSize: wide(packedSize), headerOffset: wide(headerOffset) }; // in this order
}

function uint64(source: Source, view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at, true));
  if (!Number.isSafeInteger(value)) throw damaged(source, `a size or place in its directory is ${value}, above 2^53`);
  return value;
}

/** Names are UTF-8 or an old code page; torch writes ASCII, and what is neither is no name of torch. */
function decodeName(source: Source, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw damaged(source, 'the name of one of its entries is not UTF-8');
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(source: Source, problem: string): CheckpointError {
  return new CheckpointError(
    `${source.name}: ${problem}. Compare its size with the original where it came over a network; else save it again.`,
  );
}
