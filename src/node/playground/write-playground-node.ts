/** Writes the playground as a folder of static files, for any web host. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import type { SavedFile } from '../../checkpoint/save.ts';
import { checkNewFolder, writeFolderWhole } from '../../checkpoint/save-node.ts';
import type { Source } from '../../checkpoint/source.ts';
import { wantedFiles, weightsOf } from '../../hub/wanted-files.ts';
import { builtPlayground, manifestOf, type OfferedModel, type OfferOptions, offered } from './offered-node.ts';

export interface WrittenPlayground {
  readonly models: readonly string[];
  readonly files: number;
  readonly bytes: number;
}

interface SizedFile extends SavedFile {
  readonly size: number;
}

const PIECE_BYTES = 1 << 20;

/**
 * The page with the models that it offers, in a new folder, whole or not at all. Throws UsageError when the folder is not empty, cannot be made, or
 * its disk has too little room; when a model does not exist or has no weights, and when two have one name.
 */
export async function writePlayground(folder: string, options: OfferOptions = {}): Promise<WrittenPlayground> {
  const build = builtPlayground();
  await checkNewFolder(folder); // before anything is downloaded
  const models = await offered(options);
  const manifest = new TextEncoder().encode(manifestOf(models));
  const files: SizedFile[] = [
    ...(await filesBelow(build)),
    { name: 'models/manifest.json', size: manifest.length, bytes: () => [manifest] },
  ];
  for (const model of models) files.push(...(await filesOf(model)));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  await checkNewFolder(folder, bytes);
  await writeFolderWhole(folder, files, { signal: options.signal });
  return { models: models.map(({ name }) => name), files: files.length, bytes };
}

async function filesBelow(root: string): Promise<SizedFile[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths.sort().map(async (path) => ({
      name: relative(root, path).split(sep).join('/'),
      size: (await stat(path)).size,
      bytes: async function* () {
        yield await readFile(path);
      },
    })),
  );
}

/** What the library reads of a model. */
async function filesOf({ name, folder }: OfferedModel): Promise<SizedFile[]> {
  const names = await folder.list();
  const wanted = [...wantedFiles(names).small, ...weightsOf(folder.name, names)];
  if (!wanted.includes('config.json')) throw new UsageError(`${folder.name} has no config.json, so it is no model.`);
  const files: SizedFile[] = [];
  for (const file of wanted) {
    const source = await folder.open(file);
    if (!source) continue;
    const { size } = source;
    await source.close();
    files.push({ name: `models/${name}/${file}`, size, bytes: () => bytesOf(() => folder.open(file)) });
  }
  return files;
}

async function* bytesOf(open: () => Promise<Source | undefined>): AsyncGenerator<Uint8Array> {
  const source = await open();
  if (!source) return;
  try {
    for (let at = 0; at < source.size; ) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, source.size - at));
      await source.read(at, piece);
      at += piece.length;
      yield piece;
    }
  } finally {
    await source.close();
  }
}
