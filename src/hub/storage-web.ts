/**
 * Where browsers keep the pieces of downloads: the page's private file system (OPFS), or else the Cache API. A piece is written whole or not at
 * all, also when the tab is killed.
 */

/** Pieces by names such as `models--org--name/blobs/0123`. Names have no `.` or `..` parts: see names.ts. */
export interface PieceStorage {
  read(name: string): Promise<Blob | undefined>;
  write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** All names that begin with this folder, and their bytes. */
  list(folder: string): Promise<Map<string, number>>;
  /** Removes a piece, or a folder with all that is in it. */
  remove(name: string): Promise<void>;
}

const FOLDER = 'portmanteau';

/** Undefined where there is neither: in programs, in pages without https, and in private windows of some browsers. */
export async function pieceStorage(): Promise<PieceStorage | undefined> {
  const storage = globalThis.navigator?.storage as StorageManager | undefined;
  const canWrite =
    typeof globalThis.FileSystemFileHandle === 'function' && 'createWritable' in FileSystemFileHandle.prototype;
  if (canWrite && storage?.getDirectory)
    try {
      return inFiles(await (await storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true }));
    } catch {
      // Some private windows have the function, but not what it gives.
    }
  if (globalThis.caches === undefined || globalThis.location === undefined) return undefined;
  return await caches.open(FOLDER).then(inCache, () => undefined);
}

function inFiles(root: FileSystemDirectoryHandle): PieceStorage {
  /** The folder of a name and its last part. */
  const placeOf = async (name: string, create: boolean): Promise<[FileSystemDirectoryHandle, string]> => {
    const parts = name.split('/');
    const last = parts.pop() as string;
    let folder = root;
    for (const part of parts) folder = await folder.getDirectoryHandle(part, { create });
    return [folder, last];
  };
  return {
    read: (name) =>
      orAbsent(async () => {
        const [folder, last] = await placeOf(name, false);
        return (await folder.getFileHandle(last)).getFile();
      }),
    async write(name, bytes) {
      const [folder, last] = await placeOf(name, true);
      const stream = await (await folder.getFileHandle(last, { create: true })).createWritable();
      try {
        await stream.write(bytes);
        await stream.close(); // until now, the file is as it was
      } catch (error) {
        await stream.abort().catch(() => {});
        throw error;
      }
    },
    async list(name) {
      const found = new Map<string, number>();
      const visit = async (folder: FileSystemDirectoryHandle, path: string): Promise<void> => {
        for await (const [key, handle] of folder as unknown as AsyncIterable<[string, FileSystemHandle]>) {
          const inner = path === '' ? key : `${path}/${key}`;
          if (handle.kind === 'directory') await visit(handle as FileSystemDirectoryHandle, inner);
          else found.set(inner, (await (handle as FileSystemFileHandle).getFile()).size);
        }
      };
      await orAbsent(async () => {
        const [folder, last] = await placeOf(name, false);
        await visit(last === '' ? folder : await folder.getDirectoryHandle(last), name);
      });
      return found;
    },
    async remove(name) {
      await orAbsent(async () => {
        const [folder, last] = await placeOf(name, false);
        await folder.removeEntry(last, { recursive: true });
      });
    },
  };
}

async function orAbsent<T>(find: () => Promise<T>): Promise<T | undefined> {
  try {
    return await find();
  } catch (error) {
    if ((error as Error).name === 'NotFoundError') return undefined;
    throw error;
  }
}

/** Entries have addresses of this origin, which are never requested. */
function inCache(cache: Cache): PieceStorage {
  const start = new URL(`/.${FOLDER}/`, globalThis.location.origin).href;
  const keys = async (name: string) => {
    const all = (await cache.keys()).map(({ url }) => decodeURIComponent(url.slice(start.length)));
    return all.filter((key) => name === '' || key === name || key.startsWith(`${name}/`));
  };
  const addressOf = (name: string) => start + name.split('/').map(encodeURIComponent).join('/');
  return {
    read: async (name) => (await cache.match(addressOf(name)))?.blob(),
    write: (name, bytes) =>
      cache.put(addressOf(name), new Response(bytes, { headers: { 'content-length': String(bytes.length) } })),
    async list(name) {
      const found = new Map<string, number>();
      for (const key of await keys(name))
        found.set(key, Number((await cache.match(addressOf(key)))?.headers.get('content-length') ?? 0));
      return found;
    },
    async remove(name) {
      for (const key of await keys(name)) await cache.delete(addressOf(key));
    },
  };
}
