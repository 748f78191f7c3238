/** Files in memory, or chosen by a user of a browser (a File is a Blob, read in parts). */
import { checkFileName, type Folder, type Source, tooShort } from './source.ts';

type Files = ReadonlyMap<string, Uint8Array | Blob>;

/** Of folders that memoryFolder made: a worker can get the files themselves, but not a folder's functions. */
const known = new WeakMap<Folder, { readonly files: Files; readonly name: string }>();

export function memoryFolder(files: Files, name = 'memory'): Folder {
  const folder: Folder = {
    name,
    async open(file) {
      checkFileName(file);
      const content = files.get(file);
      return content && sourceOf(`${name}/${file}`, content);
    },
    list: async () => [...files.keys()].sort(),
  };
  known.set(folder, { files, name });
  return folder;
}

/** The files of a folder in memory; undefined for other folders. */
export function filesOfFolder(folder: Folder): { readonly files: Files; readonly name: string } | undefined {
  return known.get(folder);
}

/** Bytes or a Blob as a source. */
export function sourceOf(name: string, content: Uint8Array | Blob): Source {
  const size = content instanceof Uint8Array ? content.length : content.size;
  return {
    name,
    size,
    async read(offset, into, signal) {
      signal?.throwIfAborted();
      const end = offset + into.length;
      if (end > size) throw tooShort(name, size, end);
      if (content instanceof Uint8Array) into.set(content.subarray(offset, end));
      else into.set(new Uint8Array(await content.slice(offset, end).arrayBuffer()));
    },
    close: async () => {},
  };
}
