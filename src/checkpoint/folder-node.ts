/** A folder on disk. */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import { checkFileName, type Folder, type Source, tooShort } from './source.ts';

export function localFolder(path: string): Folder {
  return {
    name: path,
    async open(file) {
      checkFileName(file);
      return openFile(join(path, file));
    },
    list: () =>
      readdir(path).then(
        (names) => names.sort(),
        () => [],
      ),
  };
}

/** Undefined when there is no such file. Throws CheckpointError when it is a folder or a device. */
export async function openFile(path: string): Promise<Source | undefined> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!handle) return undefined;
  const stat = await handle.stat();
  if (!stat.isFile()) {
    await handle.close();
    throw new CheckpointError(`${path} is ${stat.isDirectory() ? 'a folder' : 'no plain file'}, wanted a file.`);
  }
  const { size } = stat;
  return {
    name: path,
    size,
    async read(offset, into, signal) {
      if (offset + into.length > size) throw tooShort(path, size, offset + into.length);
      for (let done = 0; done < into.length; ) {
        signal?.throwIfAborted();
        const { bytesRead } = await handle.read(into, done, into.length - done, offset + done);
        if (bytesRead === 0) throw tooShort(path, offset + done, offset + into.length); // shortened since it was opened
        done += bytesRead;
      }
    },
    close: () => handle.close(),
  };
}
