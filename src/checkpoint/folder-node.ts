/** A folder on disk. */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../base/errors.ts';
import { checkFileName, type Folder, type Source, tooShort } from './source.ts';

export function localFolder(path: string): Folder {
  return {
    name: path,
    async open(file) {
      checkFileName(file);
      return openLocalFile(join(path, file));
    },
    list: () =>
      readdir(path).then(
        (names) => names.sort(),
        () => [],
      ),
  };
}

/** Opens a file by its path; undefined when there is none. Throws CheckpointError when it is not a regular file. */
export async function openLocalFile(path: string): Promise<Source | undefined> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!handle) return undefined;
  const facts = await handle.stat({ bigint: true });
  if (!facts.isFile()) {
    await handle.close();
    throw new CheckpointError(`${path} is ${facts.isDirectory() ? 'a folder' : 'no plain file'}, wanted a file.`);
  }
  const size = Number(facts.size);
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
    changed: async () => isOther(facts, await handle.stat({ bigint: true })) || isOther(facts, await there(path)),
    close: () => handle.close(),
  };
}

type Facts = Awaited<ReturnType<typeof there>>;

/** Undefined when the file was deleted; an open one can still be read. */
const there = (path: string) => stat(path, { bigint: true }).catch(() => undefined);

/** Was the file changed or replaced? */
const isOther = (before: Facts, now: Facts): boolean =>
  now !== undefined && (['ino', 'dev', 'size', 'mtimeNs'] as const).some((fact) => now[fact] !== before?.[fact]);
