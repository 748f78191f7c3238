/**
 * Tensors of `pytorch_model.bin`, the zip format of torch.save (PyTorch >= 1.6): `data.pkl` tells names, types, shapes
 * and strides, and each storage is an entry `data/<key>` of raw numbers. The pickle is read as data, nothing is run;
 * what it may ask for is what torch/_utils.py of PyTorch rebuilds tensors with.
 */
import { CheckpointError } from '../errors.ts';
import { kindOf, type Pickled, type PickledDict, type PickledGlobal, type PickledItems, unpickle } from './pickle.ts';
import { type StoredDType, type StoredTensor, storedBytes } from './safetensors.ts';
import { type Source, tooShort } from './source.ts';
import { byteAxes, readStrided } from './strided.ts';
import { dataOffset, readRange, readZipDirectory, shorten, type ZipEntry } from './zip.ts';

const MAX_PICKLE_BYTES = 16 << 20; // some 150 bytes a tensor, and names
const MAX_TENSORS = 1 << 15; // of one file; models whose experts are tensors of their own have the most
const MAX_DIMENSIONS = 16;
const HEADERS_AT_ONCE = 16; // each may be a request to a server

interface Storage {
  readonly kind: 'storage';
  /** Undefined for bytes without a type. */
  readonly dtype: StoredDType | undefined;
  readonly entry: ZipEntry;
  readonly byteLength: number;
}

/** A view of a storage; offset and strides in elements. Lies inside its storage. */
interface View {
  readonly kind: 'tensor';
  readonly storage: Storage;
  readonly dtype: StoredDType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

type Value = Pickled<Storage | View>;

const STORAGES: Record<string, StoredDType | undefined> = {
  'torch.DoubleStorage': 'F64',
  'torch.FloatStorage': 'F32',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32',
  'torch.ShortStorage': 'I16',
  'torch.CharStorage': 'I8',
  'torch.ByteStorage': 'U8',
  'torch.BoolStorage': 'BOOL',
  'torch.storage.UntypedStorage': undefined,
};

const DTYPES: Record<string, StoredDType> = {
  'torch.float64': 'F64',
  'torch.float32': 'F32',
  'torch.float16': 'F16',
  'torch.bfloat16': 'BF16',
  'torch.int64': 'I64',
  'torch.int32': 'I32',
  'torch.int16': 'I16',
  'torch.int8': 'I8',
  'torch.uint8': 'U8',
  'torch.bool': 'BOOL',
};

const CALLS = [
  'collections.OrderedDict',
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_tensor_v3',
  'torch._utils._rebuild_parameter',
];

const GLOBALS: ReadonlySet<string> = new Set([...CALLS, ...Object.keys(STORAGES), ...Object.keys(DTYPES)]);

/** Where training code keeps the tensors of a model when it saves more than them. */
const NESTED = ['state_dict', 'model'];

/**
 * Lists the tensors of a file of torch.save. Reads its directory, its pickle and the header of each storage; tensors
 * read their numbers when asked. Throws CheckpointError for damaged files and for everything that is not tensors.
 */
export async function readPyTorch(source: Source, signal?: AbortSignal): Promise<StoredTensor[]> {
  await checkStart(source, signal);
  const entries = await readZipDirectory(source, signal);
  const root = rootOf(source, entries);
  await checkByteOrder(source, entries.get(`${root}byteorder`), signal);
  const pickle = entries.get(`${root}data.pkl`) as ZipEntry;
  if (pickle.size > MAX_PICKLE_BYTES)
    throw refused(source, `its pickle has ${pickle.size} bytes, more than ${MAX_PICKLE_BYTES}`);
  const bytes = await readRange(source, await dataOffset(source, pickle, signal), pickle.size, signal);
  const views = viewsOf(source, unpickle<Storage | View>(bytes, host(source, entries, root)));
  const starts = await startsOf(source, new Set([...views.values()].map((view) => view.storage.entry)), signal);
  return [...views].map(([name, view]) => stored(source, name, view, starts.get(view.storage.entry) as number));
}

/** Where the numbers of the storages start. */
async function startsOf(source: Source, entries: ReadonlySet<ZipEntry>, signal: AbortSignal | undefined) {
  const starts = new Map<ZipEntry, number>();
  const left = [...entries];
  while (left.length > 0) {
    const some = left.splice(-HEADERS_AT_ONCE);
    const found = await Promise.all(some.map((entry) => dataOffset(source, entry, signal)));
    some.forEach((entry, i) => void starts.set(entry, found[i] as number));
  }
  return starts;
}

function stored(source: Source, name: string, view: View, start: number): StoredTensor {
  const { shape, dtype } = view;
  const elementBytes = storedBytes([], dtype);
  const byteLength = storedBytes(shape, dtype);
  const axes = byteAxes(shape, view.strides, elementBytes);
  const base = start + view.offset * elementBytes;
  return {
    name,
    shape,
    dtype,
    file: source.name,
    byteLength,
    async read(offset, into, signal) {
      const end = offset + into.length;
      if (end > byteLength) throw tooShort(`'${shorten(name)}' in ${source.name}`, byteLength, end);
      await readStrided(axes, base, offset, into, (at, bytes) => source.read(at, bytes, signal));
    },
  };
}

async function checkStart(source: Source, signal: AbortSignal | undefined): Promise<void> {
  const head = await readRange(source, 0, Math.min(source.size, 24), signal);
  const ascii = String.fromCharCode(...head);
  if (ascii.startsWith('PK\x03\x04')) return;
  const { name } = source;
  if (ascii.startsWith('version https://git-lfs')) {
    throw new CheckpointError(`${name} is a pointer of Git LFS, not the file itself: fetch it with 'git lfs pull'.`);
  }
  if (head[0] === 0x80) {
    throw new CheckpointError(
      `${name} is a bare pickle, as torch.save wrote before PyTorch 1.6: wanted its zip format. ` +
        'Load it with a newer torch and save it again, or convert it to safetensors.',
    );
  }
  throw new CheckpointError(`${name} does not start as a zip file: is it a file of torch.save, and is it complete?`);
}

/** All entries lie in a folder with the name that the file had when it was saved. */
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

/** Files of old versions have no such entry and are little-endian. */
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

/** What the pickle may make: storages, views of them, and dictionaries. */
function host(source: Source, entries: ReadonlyMap<string, ZipEntry>, root: string) {
  return {
    file: source.name,
    globals: GLOBALS,
    persistent: (id: Value): Storage => storageOf(source, entries, root, id),
    call(name: string, args: readonly Value[]): Value {
      switch (name) {
        case 'collections.OrderedDict':
          if (args.length > 0) throw refused(source, `its pickle fills an OrderedDict in a way torch does not`);
          return { kind: 'dict', entries: [] };
        case 'torch._utils._rebuild_tensor_v2':
          return viewOf(source, args, undefined, args[6]);
        case 'torch._utils._rebuild_tensor_v3':
          return viewOf(source, args, args[6], args[7]);
        case 'torch._utils._rebuild_parameter':
          if (kindOf(args[0]) !== 'tensor')
            throw refused(source, `its pickle makes a parameter of a ${kindOf(args[0])}`);
          return args[0] as View;
        default:
          throw refused(source, `its pickle calls '${name}', which is not part of rebuilding tensors`);
      }
    },
  };
}

/** A persistent id is ('storage', class, key, device, number of elements). */
function storageOf(source: Source, entries: ReadonlyMap<string, ZipEntry>, root: string, id: Value): Storage {
  const [tag, type, key, , count] = kindOf(id) === 'tuple' ? (id as PickledItems<Storage | View>).items : [];
  const name = kindOf(type) === 'global' ? (type as PickledGlobal).name : '';
  if (tag !== 'storage' || !Object.hasOwn(STORAGES, name) || typeof key !== 'string' || !isCount(count))
    throw refused(source, 'its pickle refers to something that is no storage of numbers');
  const entry = entries.get(`${root}data/${key}`);
  if (!entry) throw refused(source, `the entry '${shorten(`${root}data/${key}`)}' of a storage is missing`);
  const dtype = STORAGES[name];
  const byteLength = count * (dtype ? storedBytes([], dtype) : 1);
  if (byteLength > entry.size) {
    throw refused(
      source,
      `a storage of ${byteLength} bytes does not fit its entry '${shorten(entry.name)}' of ${entry.size}`,
    );
  }
  return { kind: 'storage', dtype, entry, byteLength };
}

/**
 * Arguments: storage, offset, shape, strides, and two that do not matter here. v3 has a type as seventh. The last,
 * where there is one, tells that the numbers are to be conjugated or negated.
 */
function viewOf(source: Source, args: readonly Value[], type: Value | undefined, signs: Value | undefined): View {
  const [storage, offset] = args;
  if (kindOf(storage) !== 'storage') throw refused(source, `its pickle makes a tensor of a ${kindOf(storage)}`);
  const { byteLength, dtype: storageType } = storage as Storage;
  const typeName = kindOf(type) === 'global' ? (type as PickledGlobal).name : '';
  const dtype = type === undefined ? storageType : Object.hasOwn(DTYPES, typeName) ? DTYPES[typeName] : undefined;
  if (!dtype) throw refused(source, `its pickle makes a tensor of the type '${typeName || kindOf(type)}'`);
  if (kindOf(signs) !== 'None') throw refused(source, 'its pickle makes a tensor whose numbers are stored negated');
  const shape = countsOf(args[2]);
  const strides = countsOf(args[3]);
  if (!isCount(offset) || !shape || !strides || shape.length !== strides.length)
    throw refused(source, 'its pickle makes a tensor whose offset, shape or strides are no numbers from 0 to 2^53');
  const bytes = storedBytes(shape, dtype);
  // A view that repeats its numbers may be larger than its storage, but not without bound.
  if (!(bytes <= source.size)) throw refused(source, `a tensor [${shape}] is larger than the whole file`);
  const elementBytes = storedBytes([], dtype);
  const end = offset + shape.reduce((sum, size, i) => sum + (size - 1) * (strides[i] as number), 1);
  if (bytes > 0 && end * elementBytes > byteLength) {
    const view = `a tensor [${shape}] with strides [${strides}] at ${offset}`;
    throw refused(source, `${view} does not lie inside its storage of ${byteLength} bytes`);
  }
  if (bytes > 0 && overlaps(shape, strides))
    throw refused(source, `a tensor [${shape}] with strides [${strides}] overlaps itself`);
  return { kind: 'tensor', storage: storage as Storage, dtype, offset, shape, strides };
}

/** Whether indices that differ in an axis of non-zero stride may mean one element. Such views could read forever. */
function overlaps(shape: readonly number[], strides: readonly number[]): boolean {
  const axes = shape.map((size, i) => ({ size, stride: strides[i] as number }));
  let span = 1;
  for (const { size, stride } of axes.filter((axis) => axis.size > 1).sort((a, b) => a.stride - b.stride)) {
    if (stride > 0 && stride < span) return true;
    span += (size - 1) * stride;
  }
  return false;
}

function viewsOf(source: Source, root: Value): Map<string, View> {
  if (kindOf(root) !== 'dict')
    throw refused(source, `its pickle holds a ${kindOf(root)}: wanted a dictionary of tensors`);
  const { entries } = root as PickledDict<Storage | View>;
  const views = tensorsIn(source, entries);
  if (views.size > 0) return views;
  for (const name of NESTED) {
    const inner = entries.find(([key, value]) => key === name && kindOf(value) === 'dict')?.[1];
    const nested = inner && tensorsIn(source, (inner as PickledDict<Storage | View>).entries);
    if (nested && nested.size > 0) return nested;
  }
  const keys = entries.slice(0, 10).map(([key]) => (typeof key === 'string' ? shorten(key) : kindOf(key)));
  throw refused(source, `its pickle holds no tensors, only ${keys.join(', ') || 'an empty dictionary'}`);
}

/** Values that are no tensors (a step, a name) are passed over. */
function tensorsIn(source: Source, entries: readonly [Value, Value][]): Map<string, View> {
  const views = new Map<string, View>();
  for (const [name, value] of entries) {
    if (kindOf(value) !== 'tensor') continue;
    if (typeof name !== 'string') throw refused(source, `a tensor is called by a ${kindOf(name)}: wanted a text`);
    if (views.has(name)) throw refused(source, `it has two tensors called '${shorten(name)}'`);
    if (views.size >= MAX_TENSORS) throw refused(source, `it has more than ${MAX_TENSORS} tensors`);
    views.set(name, value as View);
  }
  return views;
}

/** A tuple of counts, or undefined. */
function countsOf(value: Value | undefined): number[] | undefined {
  if (kindOf(value) !== 'tuple') return undefined;
  const { items } = value as PickledItems<Storage | View>;
  return items.length <= MAX_DIMENSIONS && items.every(isCount) ? (items as number[]) : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function refused(source: Source, problem: string): CheckpointError {
  return new CheckpointError(`${source.name}: ${problem}. Save the state dict again, or convert it to safetensors.`);
}
