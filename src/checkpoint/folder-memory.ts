/** Files in memory, or chosen by a user of a browser (a File is a Blob, read in parts). */
import { checkFileName, type Folder, type Source, tooShort } from './source.ts';

export function memoryFolder(files: ReadonlyMap<string, Uint8Array | Blob>, name = 'memory'): Folder {
  return {
    name,
    async open(file) {
      checkFileName(file);
      const content = files.get(file);
      return content && sourceOf(`${name}/${file}`, content);
    },
    list: async () => [...files.keys()].sort(),
  };
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
