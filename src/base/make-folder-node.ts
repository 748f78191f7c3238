/**
 * Makes a folder and those above it. `mkdir` of Node with `recursive` never ends where a file system makes no folders, and says that there is
 * no such file, as /proc does.
 */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Returns the uppermost folder that was made; undefined where all were there. Rejects with the error of the file system. */
export async function makeFolder(path: string): Promise<string | undefined> {
  try {
    await mkdir(path);
    return path;
  } catch (error) {
    if (await isFolder(path)) return undefined;
    const above = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === path) throw error;
    const made = await makeFolder(above);
    return (await makeLast(path)) ? (made ?? path) : made;
  }
}

/** Whether the folder was made here, and not meanwhile by another process. */
async function makeLast(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (await isFolder(path)) return false;
    throw error;
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
