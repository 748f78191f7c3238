/** Files onto disk, whole or not at all: written beside their place, then renamed into it. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, realpath, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import type { Shape, TypedArray } from '../tensor.ts';
import type { StoredDType } from './safetensors.ts';
import { type SavedFile, safetensorsBytes } from './save.ts';

/** Writes `file`; what was there before stays until the new one is complete. Throws UsageError where nothing can be written. */
export async function writeFileWhole(
  file: string,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const temporary = join(dirname(resolve(file)), `.${basename(file)}.${randomUUID()}`);
  const handle = await open(temporary, 'wx').catch((error: NodeJS.ErrnoException) => {
    throw refused(file, error);
  });
  try {
    for await (const piece of bytes) await handle.writeFile(piece);
    await handle.sync();
    await handle.close();
    await rename(temporary, file).catch((error: NodeJS.ErrnoException) => {
      throw refused(file, error);
    });
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}

const occupied = (folder: string) => new UsageError(`${folder} is not empty; save to a new folder.`);

/** Throws UsageError when there is something in a folder, or a file in its place. Gives where it really is. */
export async function checkNewFolder(folder: string): Promise<string> {
  const target = await realpath(folder).catch(() => resolve(folder)); // a link to an empty folder stays a link
  const there = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw refused(folder, error);
  });
  if (there.length > 0) throw occupied(folder);
  return target;
}

/** Writes a new folder. Throws UsageError when there is already something in it, or when it cannot be made. */
export async function writeFolderWhole(folder: string, files: Iterable<SavedFile>): Promise<void> {
  const target = await checkNewFolder(folder);
  const temporary = `${target}.${randomUUID()}`;
  await mkdir(temporary, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw refused(folder, error);
  });
  try {
    for (const { name, bytes } of files) await writeFileWhole(join(temporary, name), bytes());
    // Neither call touches a folder that somebody has filled meanwhile.
    await rmdir(target).catch(() => {});
    await rename(temporary, target).catch((error: NodeJS.ErrnoException) => {
      throw ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(String(error.code)) ? occupied(folder) : refused(folder, error);
    });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** What the system says no to, in words. */
function refused(path: string, error: NodeJS.ErrnoException): Error {
  const reason = {
    ENOENT: 'its folder does not exist',
    ENOTDIR: 'there is a file where a folder is wanted',
    EISDIR: 'it is a folder',
    EACCES: 'this user may not write there',
    EPERM: 'this user may not write there',
    EROFS: 'that disk is read-only',
  }[String(error.code)];
  return reason ? new UsageError(`${path} cannot be written: ${reason}.`, { cause: error }) : error;
}

/** The safetensors type of each array that tensors are handed out as. */
function storedTypeOf(dtype: string): StoredDType {
  const found = ({ f32: 'F32', f16: 'F16', bf16: 'BF16', i32: 'I32', i8: 'I8', u8: 'U8' } as const)[dtype];
  if (!found) throw new UsageError(`tensors of type '${dtype}' cannot be saved.`);
  return found;
}

/** Writes named tensors to one safetensors file. */
export async function saveTensors(
  file: string,
  tensors: ReadonlyMap<string, { readonly shape: Shape; readonly dtype: string; readonly data: TypedArray }>,
): Promise<void> {
  const saved = [...tensors].map(([name, { shape, dtype, data }]) => ({
    name,
    shape,
    dtype: storedTypeOf(dtype),
    bytes: () => [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
  }));
  await writeFileWhole(file, safetensorsBytes(saved));
}
