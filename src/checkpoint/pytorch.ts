/**
 * Tensors of `pytorch_model.bin`, the zip format of torch.save (PyTorch >= 1.6): `data.pkl` tells names, types, shapes
 * and strides, and each storage is an entry `data/<key>` of raw numbers. The pickle is read as data, nothing is run.
 */
import { CheckpointError } from '../base/errors.ts';
import { unpickle } from './pickle.ts';
import { isLegacy, readLegacyPyTorch } from './pytorch-legacy.ts';
import type { StoredTensor } from './safetensors.ts';
import type { Source } from './source.ts';
import { refused, type Storage, torchHost, type View, viewsOf } from './torch-values.ts';
import { storedView } from './torch-view.ts';
import { contentOf, TELLING_BYTES } from './wrong-content.ts';
import { dataOffset, readRange, readZipDirectory, shorten, type ZipEntry } from './zip.ts';

const MAX_PICKLE_BYTES = 16 << 20; // some 150 bytes a tensor, and names
const HEADERS_AT_ONCE = 16; // each may be a request to a server

/**
 * Lists the tensors of a file written by torch.save. Reads its directory, its pickle and the header of each storage; the numbers are read
 * later. Throws CheckpointError for damaged files and for contents other than tensors.
 */
export async function readPyTorch(source: Source, signal?: AbortSignal): Promise<StoredTensor[]> {
  const head = await readRange(source, 0, Math.min(source.size, TELLING_BYTES), signal);
  if (isLegacy(head)) return readLegacyPyTorch(source, MAX_PICKLE_BYTES, signal);
  if (!String.fromCharCode(...head.subarray(0, 4)).startsWith('PK\x03\x04')) {
    const content = contentOf(head);
    if (content) throw new CheckpointError(`${source.name} ${content}.`);
    throw new CheckpointError(
      `${source.name} does not start as a zip file: is it a file of torch.save, and is it complete?`,
    );
  }
  const entries = await readZipDirectory(source, signal);
  const root = rootOf(source, entries);
  await checkByteOrder(source, entries.get(`${root}byteorder`), signal);
  const pickle = entries.get(`${root}data.pkl`) as ZipEntry;
  if (pickle.size > MAX_PICKLE_BYTES)
    throw refused(source, `its pickle has ${pickle.size} bytes, more than ${MAX_PICKLE_BYTES}`);
  const bytes = await readRange(source, await dataOffset(source, pickle, signal), pickle.size, signal);
  const entryOf = (key: string) => entries.get(`${root}data/${key}`);
  const host = torchHost(source, (key, byteLength) => {
    const entry = entryOf(key);
    const name = shorten(`${root}data/${key}`);
    if (!entry) throw refused(source, `the entry '${name}' of a storage is missing`);
    if (byteLength > entry.size)
      throw refused(source, `a storage of ${byteLength} bytes does not fit its entry '${name}' of ${entry.size}`);
  });
  const views = viewsOf(source, unpickle<Storage | View>(bytes, host));
  const keys = new Set([...views.values()].map(({ storage }) => storage.key));
  const starts = await startsOf(source, keys, (key) => entryOf(key) as ZipEntry, signal);
  return [...views].map(([name, view]) => storedView(source, name, view, starts.get(view.storage.key) as number));
}

/** Offsets of the storages' numbers in the file. */
async function startsOf(
  source: Source,
  keys: ReadonlySet<string>,
  entryOf: (key: string) => ZipEntry,
  signal: AbortSignal | undefined,
): Promise<Map<string, number>> {
  const starts = new Map<string, number>();
  const left = [...keys];
  while (left.length > 0) {
    const some = left.splice(-HEADERS_AT_ONCE);
    const found = await Promise.all(some.map((key) => dataOffset(source, entryOf(key), signal)));
    some.forEach((key, i) => void starts.set(key, found[i] as number));
  }
  return starts;
}

/** The folder of all entries, named after the file when it was saved. */
function rootOf(source: Source, entries: ReadonlyMap<string, ZipEntry>): string {
  const found = [...entries.keys()].filter((name) => /^[^/]*\/data\.pkl$/.test(name));
  const [pickle] = found;
  if (pickle === undefined || found.length > 1) {
    throw new CheckpointError(
      `${source.name}: the zip file has ${found.length} entries <name>/data.pkl, wanted 1: is it a file of torch.save?`,
    );
  }
  return pickle.slice(0, -'data.pkl'.length);
}

/** Checks the byte order. Files of old versions have no such entry and are little-endian. */
async function checkByteOrder(source: Source, entry: ZipEntry | undefined, signal: AbortSignal | undefined) {
  if (!entry) return;
  const start = await dataOffset(source, entry, signal);
  const order = String.fromCharCode(...(await readRange(source, start, Math.min(entry.size, 8), signal)));
  if (order !== 'little') {
    throw new CheckpointError(
      `${source.name}: its numbers are '${order}'-endian: wanted 'little'. Convert it to safetensors with torch.`,
    );
  }
}
