/**
 * Tensors of `pytorch_model.bin` as PyTorch wrote it before 1.6 (torch/serialization.py, `_legacy_save`): one pickle after another, for a
 * magic number, the version, facts of the machine, the tensors, and the keys of their storages. Then the storages in the order of these keys,
 * each with its number of elements in front. The pickles are read as data, nothing is run.
 */
import { kindOf, type PickledDict, type PickledItems, type PickleHost, unpickleAt } from './pickle.ts';
import { type StoredTensor, storedBytes } from './safetensors.ts';
import type { Source } from './source.ts';
import { refused, type Storage, torchHost, type Value, type View, viewsOf } from './torch-values.ts';
import { storedView } from './torch-view.ts';
import { readRange, shorten } from './zip.ts';

/** The pickle of 0x1950a86a20f9469cfc6c, as protocol 2 and later ones write it after their first two bytes. */
const MAGIC = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
const VERSION = 1001;
const COUNT_BYTES = 8;

export const isLegacy = (head: Uint8Array): boolean =>
  head[0] === 0x80 && MAGIC.every((byte, i) => head[i + 2] === byte);

/** A host for pickles of plain values: it allows no globals. */
const plainHost = (source: Source): PickleHost<Storage | View> => ({
  file: source.name,
  allows: () => false,
  call: () => null,
  persistent: () => null,
});

/** `maxPickleBytes`: limit for all pickles together. Throws CheckpointError as readPyTorch does. */
export async function readLegacyPyTorch(
  source: Source,
  maxPickleBytes: number,
  signal?: AbortSignal,
): Promise<StoredTensor[]> {
  const bytes = await readRange(source, 0, Math.min(source.size, maxPickleBytes), signal);
  const sizes = new Map<string, number>();
  const check = (key: string, byteLength: number) => {
    if (byteLength > source.size || (sizes.get(key) ?? byteLength) !== byteLength)
      throw refused(source, `its storage '${shorten(key)}' cannot have ${byteLength} bytes`);
    sizes.set(key, byteLength);
  };
  let at = MAGIC.length + 2;
  const next = (host: PickleHost<Storage | View>): Value => {
    const { value, end } = unpickleAt(bytes, at, host);
    at = end;
    return value;
  };
  const plain = plainHost(source);
  const version = next(plain);
  if (version !== VERSION) throw refused(source, `it has version ${String(version)} of its format, wanted ${VERSION}`);
  if (entryOf(next(plain), 'little_endian') !== true) throw refused(source, 'its numbers are big-endian');
  const elementBytes = new Map<string, number>();
  const host = torchHost(source, check);
  const value = next({
    ...host,
    persistent(id) {
      const storage = host.persistent(id) as Storage;
      elementBytes.set(storage.key, storage.dtype ? storedBytes([], storage.dtype) : 1);
      return storage;
    },
  });
  const views = viewsOf(source, value);
  const starts = new Map<string, number>();
  for (const key of keysOf(source, next(plain))) {
    const byteLength = sizes.get(key);
    if (byteLength === undefined)
      throw refused(source, `it has a storage '${shorten(key)}' that its tensors do not name`);
    const count = Number(new DataView((await readRange(source, at, COUNT_BYTES, signal)).buffer).getBigInt64(0, true));
    const start = at + COUNT_BYTES;
    at = start + byteLength;
    // A storage may be written as bytes, or as what its first tensor has.
    if (count * (elementBytes.get(key) as number) !== byteLength && count !== byteLength)
      throw refused(source, `its storage '${shorten(key)}' has ${count} elements, which are not ${byteLength} bytes`);
    if (at > source.size)
      throw refused(source, `its storage '${shorten(key)}' ends after the file: it has been cut off`);
    starts.set(key, start);
  }
  return [...views].map(([name, view]) => {
    const start = starts.get(view.storage.key);
    if (start === undefined) throw refused(source, `its storage '${shorten(view.storage.key)}' is missing`);
    return storedView(source, name, view, start);
  });
}

function keysOf(source: Source, value: Value): string[] {
  const keys = kindOf(value) === 'list' ? (value as PickledItems<Storage | View>).items : undefined;
  if (!keys?.every((key) => typeof key === 'string')) throw refused(source, 'its storages are called by no texts');
  return keys as string[];
}

function entryOf(value: Value, name: string): Value | undefined {
  if (kindOf(value) !== 'dict') return undefined;
  return (value as PickledDict<Storage | View>).entries.find(([key]) => key === name)?.[1];
}
