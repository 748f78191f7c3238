/** Files of a saved model as a folder in memory. */
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import type { SavedFile } from '../../src/checkpoint/save.ts';

export async function folderOf(files: readonly SavedFile[]) {
  const contents = new Map<string, Uint8Array>();
  for (const { name, bytes } of files) {
    const parts: Uint8Array[] = [];
    for await (const part of bytes()) parts.push(part.slice());
    contents.set(name, new Uint8Array(Buffer.concat(parts)));
  }
  return memoryFolder(contents);
}
