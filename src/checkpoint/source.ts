/** Sources of bytes: a file on disk, on an HTTP server, or in memory. All readers use byte ranges only. */
import { CheckpointError } from '../base/errors.ts';
import { parsePythonJson } from './python-json.ts';
import { contentOf, TELLING_BYTES } from './wrong-content.ts';

/** A file with random access. */
export interface Source {
  /** Name for messages. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Fills `into` from byte `offset` on. Throws CheckpointError when the file ends before. */
  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Was it replaced, or did its size or time change, since it was opened? Absent when that cannot happen or cannot be found out. */
  changed?(): Promise<boolean>;
  close(): Promise<void>;
}

/** The files of a checkpoint, by names without folders. */
export interface Folder {
  readonly name: string;
  /** Undefined when there is no such file. */
  open(file: string): Promise<Source | undefined>;
  /** Names of the files, for messages; empty when they cannot be listed. */
  list(): Promise<readonly string[]>;
  /** Why files may seem to be missing, for messages; undefined when there is nothing to say. */
  hint?(): string | undefined;
}

/** Throws CheckpointError on a name that refers to another folder. */
export function checkFileName(file: string): void {
  if (!/^[\w][\w. +=@-]*$/.test(file))
    throw new CheckpointError(`'${file}' is not a plain file name; files must be in the folder of the checkpoint.`);
}

/** Reads a small text file; undefined when there is none. Throws CheckpointError when it is larger than `maxBytes`. */
export async function readText(folder: Folder, file: string, maxBytes: number): Promise<string | undefined> {
  const bytes = await readBytes(folder, file, maxBytes);
  if (!bytes) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CheckpointError(`${folder.name}/${file} ${contentOf(bytes) ?? 'is no text in UTF-8: save it as such'}.`);
  }
}

/** As readText, but returns bytes. */
export async function readBytes(folder: Folder, file: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const source = await folder.open(file);
  if (!source) return undefined;
  try {
    if (source.size > maxBytes) {
      throw new CheckpointError(`${source.name} has ${source.size} bytes, wanted at most ${maxBytes} for such a file.`);
    }
    const bytes = new Uint8Array(source.size);
    await source.read(0, bytes);
    return bytes;
  } finally {
    await source.close();
  }
}

/** Reads JSON, which must be an object; undefined when there is no such file. */
export async function readJson(
  folder: Folder,
  file: string,
  maxBytes: number,
): Promise<{ readonly [key: string]: unknown } | undefined> {
  const text = await readText(folder, file, maxBytes);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = parsePythonJson(text);
  } catch (error) {
    throw new CheckpointError(`${folder.name}/${file} ${notJson(text, (error as Error).message)}.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CheckpointError(`${folder.name}/${file} holds ${text.slice(0, 40)}, wanted a JSON object.`);
  return value as { readonly [key: string]: unknown };
}

function notJson(text: string, problem: string): string {
  const content = contentOf(new TextEncoder().encode(text.slice(0, TELLING_BYTES)));
  if (content) return content;
  return `is no JSON: ${problem}${/end of JSON/.test(problem) ? '; it may have been cut off: compare it with its origin' : ''}`;
}

/** The error for a read beyond the end. */
export function tooShort(name: string, size: number, wanted: number): CheckpointError {
  return new CheckpointError(
    `${name} ends at byte ${size}, but bytes up to ${wanted} are wanted: it has been cut off, or changed since it was opened.`,
  );
}
