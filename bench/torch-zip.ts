/**
 * Writes what torch.save writes (PyTorch >= 1.6): a zip of entries stored as they are, `data.pkl` and one `data/<key>` for each
 * storage. Only what a state dict of contiguous tensors needs; copies share the storage of their original.
 */
import { ftruncateSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { type StoredDType, storedBytes } from '../src/checkpoint/safetensors.ts';
import type { TensorSpec } from './published.ts';

const STORAGES: Partial<Record<StoredDType, string>> = { F32: 'Float', BF16: 'BFloat16', U8: 'Byte', BOOL: 'Bool' };

/** torch lays every entry at a multiple of this, by padding in the header's extra field. */
const ALIGNMENT = 64;
const ZEROS = new Uint8Array(1 << 20);

interface Entry {
  readonly name: string;
  readonly size: number;
  /** The first bytes; what follows is zero. */
  readonly begin: () => Iterable<Uint8Array>;
}

/** Throws RangeError when the file would be 4 GiB or more, which needs the 64-bit dialect of zip. */
export function writeTorchFile(
  file: number,
  tensors: readonly TensorSpec[],
  begin: (tensor: TensorSpec) => Iterable<Uint8Array>,
): void {
  const text = (name: string, bytes: Uint8Array): Entry => ({ name, size: bytes.length, begin: () => [bytes] });
  const keys = new Map<string, number>();
  const stored = tensors.filter(({ copyOf }) => copyOf === undefined);
  for (const { name } of stored) keys.set(name, keys.size);
  const entries = [
    text('archive/data.pkl', pickle(tensors, keys)),
    ...stored.map((tensor) => ({
      name: `archive/data/${keys.get(tensor.name)}`,
      size: storedBytes(tensor.shape, tensor.dtype),
      begin: () => begin(tensor),
    })),
    text('archive/version', new TextEncoder().encode('3\n')),
  ];
  let at = 0;
  const directory: Uint8Array[] = [];
  for (const entry of entries) {
    const name = new TextEncoder().encode(entry.name);
    const unpadded = at + 30 + name.length + 4;
    const extra = 4 + (-unpadded & (ALIGNMENT - 1));
    const crc = crcOf(entry);
    const local = new DataView(new ArrayBuffer(30 + name.length + extra));
    local.setUint32(0, 0x04034b50, true);
    setCommon(local, 4, entry, name.length, crc);
    local.setUint16(28, extra, true);
    bytesOf(local).set(name, 30);
    local.setUint16(30 + name.length, 0x4246, true); // 'FB', as torch names its padding
    local.setUint16(32 + name.length, extra - 4, true);
    const central = new DataView(new ArrayBuffer(46 + name.length));
    central.setUint32(0, 0x02014b50, true);
    setCommon(central, 6, entry, name.length, crc);
    central.setUint32(42, at, true);
    bytesOf(central).set(name, 46);
    directory.push(bytesOf(central));
    writeSync(file, bytesOf(local), 0, local.byteLength, at);
    at += local.byteLength;
    let place = at;
    for (const piece of entry.begin()) place += writeSync(file, piece, 0, piece.length, place);
    at += entry.size;
    if (at >= 2 ** 32) throw new RangeError(`the zip would be over 4 GiB at ${entry.name}`);
  }
  ftruncateSync(file, at);
  const length = directory.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, entries.length, true);
  end.setUint16(10, entries.length, true);
  end.setUint32(12, length, true);
  end.setUint32(16, at, true);
  for (const part of [...directory, bytesOf(end)]) at += writeSync(file, part, 0, part.length, at);
}

const bytesOf = (view: DataView) => new Uint8Array(view.buffer);

/** The fields that a local header and a directory entry have in common, from the version needed on. */
function setCommon(view: DataView, at: number, { size }: Entry, nameLength: number, crc: number): void {
  if (at === 6) view.setUint16(4, 20, true); // made by
  view.setUint16(at, 20, true);
  view.setUint16(at + 8, 0x21, true); // date: 1 January 1980
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, nameLength, true);
}

function crcOf({ size, begin }: Entry): number {
  let crc = 0;
  let done = 0;
  for (const piece of begin()) {
    crc = crc32(piece, crc);
    done += piece.length;
  }
  for (; done < size; done += ZEROS.length) crc = crc32(ZEROS.subarray(0, Math.min(ZEROS.length, size - done)), crc);
  return crc;
}

/** An OrderedDict of tensors, in pickle protocol 2. */
function pickle(tensors: readonly TensorSpec[], keys: ReadonlyMap<string, number>): Uint8Array {
  const parts: Uint8Array[] = [];
  const raw = (...bytes: number[]) => void parts.push(Uint8Array.from(bytes));
  const op = (code: string) => void parts.push(new TextEncoder().encode(code));
  const withLength = (code: string, value: number) => {
    const bytes = new Uint8Array(5);
    bytes[0] = code.charCodeAt(0);
    new DataView(bytes.buffer).setUint32(1, value, true);
    parts.push(bytes);
  };
  const int = (value: number) => withLength('J', value);
  const string = (value: string) => {
    const bytes = new TextEncoder().encode(value);
    withLength('X', bytes.length);
    parts.push(bytes);
  };
  const tuple = (values: readonly number[]) => {
    op('(');
    for (const value of values) int(value);
    op('t');
  };
  const orderedDict = () => op('ccollections\nOrderedDict\n)R');

  raw(0x80, 2);
  orderedDict();
  op('(');
  for (const { name, shape, dtype, copyOf } of tensors) {
    const elements = shape.reduce((product, n) => product * n, 1);
    string(name);
    op('ctorch._utils\n_rebuild_tensor_v2\n((');
    string('storage');
    op(`ctorch\n${STORAGES[dtype]}Storage\n`);
    string(String(keys.get(copyOf ?? name)));
    string('cpu');
    int(elements);
    op('tQ');
    int(0); // offset
    tuple(shape);
    tuple(shape.map((_, axis) => shape.slice(axis + 1).reduce((product, n) => product * n, 1)));
    raw(0x89); // requires no gradient
    orderedDict(); // no hooks
    op('tR');
  }
  op('u.');
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
