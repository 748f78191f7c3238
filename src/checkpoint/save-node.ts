/** Writes folders to disk, complete or not at all: to a temporary folder, which is then renamed. Also writes tensors as one file. */
import { access, constants, mkdir, readdir, readlink, realpath, rename, rmdir, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { makeFolder } from '../base/make-folder-node.ts';
import type { Shape, TypedArray } from '../base/tensor.ts';
import { type WriteOptions, writeFileWhole } from './output-node.ts';
import type { StoredDType } from './safetensors.ts';
import { type SavedFile, safetensorsBytes } from './save.ts';
import { discard, hold, release, removeAbandoned, temporaryBeside } from './temporary-node.ts';
import { refused, type SystemError } from './write-errors.ts';

const occupied = (folder: string) => new UsageError(`${folder} is not empty; save to a new folder.`);

/**
 * Throws UsageError when a folder is not empty, is a file, or cannot be made, or when its disk has less room than `bytes`. Returns its
 * resolved path. Changes nothing.
 */
export async function checkNewFolder(folder: string, bytes = 0): Promise<string> {
  const target = await targetOf(folder);
  const there = await readdir(target).catch((error: SystemError) => {
    if (error.code === 'ENOENT') return [];
    throw refused(folder, error);
  });
  if (there.length > 0) throw occupied(folder);
  const above = await existingAbove(dirname(target));
  // Asked beforehand, because making several folders at once reports a read-only disk as a missing folder.
  await access(above, constants.W_OK | constants.X_OK).catch((error: SystemError) => {
    throw refused(folder, error);
  });
  if (!(await stat(above)).isDirectory())
    throw refused(folder, Object.assign(new Error(`${above} is no folder`), { code: 'ENOTDIR' }));
  const disk = await statfs(above).catch(() => undefined);
  const free = disk && disk.blocks > 0 ? disk.bavail * disk.bsize : Number.POSITIVE_INFINITY; // some network disks do not say
  if (bytes > free)
    throw new UsageError(
      `${folder} takes about ${megabytes(bytes)}, but its disk has ${megabytes(free)} free: make room, or choose another disk.`,
    );
  return target;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** The target of a link, even if it does not exist yet; a link to an empty folder stays a link. */
async function targetOf(folder: string): Promise<string> {
  const target = await realpath(folder).catch(() => undefined);
  if (target !== undefined) return target;
  const path = resolve(folder);
  const next = await readlink(path).catch(() => undefined);
  if (next === undefined) return path;
  // realpath said no: what the link leads to is not there, or it leads in a circle, which stat tells.
  await stat(path).catch((error: SystemError) => {
    if (error.code !== 'ENOENT') throw refused(folder, error);
  });
  return targetOf(resolve(dirname(path), next));
}

/** The nearest parent folder that exists. */
async function existingAbove(path: string): Promise<string> {
  const found = await stat(path).catch((error: SystemError) => {
    if (error.code === 'ENOENT') return undefined;
    throw refused(path, error);
  });
  return found || dirname(path) === path ? path : existingAbove(dirname(path));
}

/** Writes a new folder; names may lead into folders within it. Throws UsageError when it is not empty, or when it cannot be made. */
export async function writeFolderWhole(
  folder: string,
  files: Iterable<SavedFile>,
  options: WriteOptions = {},
): Promise<void> {
  const target = await checkNewFolder(folder);
  await removeAbandoned(target);
  const temporary = hold(temporaryBeside(target));
  let above: string | undefined;
  try {
    above = await makeFolder(dirname(temporary));
    await mkdir(temporary);
    for (const { name, bytes } of files) {
      const path = join(temporary, name);
      await makeFolder(dirname(path));
      await writeFileWhole(path, bytes(), options);
    }
    // Neither call touches a folder that somebody has filled meanwhile.
    await rmdir(target).catch(() => {});
    await rename(temporary, target).catch((error: SystemError) => {
      throw ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(String(error.code)) ? occupied(folder) : refused(folder, error);
    });
    release(temporary);
  } catch (error) {
    await discard(temporary);
    if (above !== undefined) await removeEmpty(dirname(temporary), above);
    throw refused(folder, error as SystemError);
  }
}

/** Removes empty folders that were made for a failed write, from `folder` up to `highest`. */
async function removeEmpty(folder: string, highest: string): Promise<void> {
  if (
    !(await rmdir(folder)
      .then(() => true)
      .catch(() => false)) ||
    folder === highest
  )
    return;
  await removeEmpty(dirname(folder), highest);
}

/** The safetensors type for each type of array. */
function storedTypeOf(dtype: string): StoredDType {
  const found = ({ f32: 'F32', f16: 'F16', bf16: 'BF16', i32: 'I32', i8: 'I8', u8: 'U8' } as const)[dtype];
  if (!found) throw new UsageError(`tensors of type '${dtype}' cannot be saved.`);
  return found;
}

/** Writes named tensors to one safetensors file; `-` is the standard output. */
export async function saveTensors(
  file: string,
  tensors: ReadonlyMap<string, { readonly shape: Shape; readonly dtype: string; readonly data: TypedArray }>,
  options: WriteOptions = {},
): Promise<void> {
  const saved = [...tensors].map(([name, { shape, dtype, data }]) => ({
    name,
    shape,
    dtype: storedTypeOf(dtype),
    bytes: () => [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
  }));
  await writeFileWhole(file, safetensorsBytes(saved), options);
}
