/** Files onto disk, whole or not at all: written beside their place, then renamed into it. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import type { Shape, TypedArray } from '../tensor.ts';
import type { StoredDType } from './safetensors.ts';
import { type SavedFile, safetensorsBytes } from './save.ts';

/** Writes `file`; what was there before stays until the new one is complete. */
export async function writeFileWhole(
  file: string,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const temporary = join(dirname(resolve(file)), `.${basename(file)}.${randomUUID()}`);
  const handle = await open(temporary, 'wx');
  try {
    for await (const piece of bytes) await handle.writeFile(piece);
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Writes a new folder. Throws UsageError when there is already something in it. */
export async function writeFolderWhole(folder: string, files: Iterable<SavedFile>): Promise<void> {
  const target = resolve(folder);
  const there = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (there.length > 0) throw new UsageError(`${folder} is not empty; save to a new folder.`);
  const temporary = `${target}.${randomUUID()}`;
  await mkdir(temporary, { recursive: true });
  try {
    for (const { name, bytes } of files) await writeFileWhole(join(temporary, name), bytes());
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
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
