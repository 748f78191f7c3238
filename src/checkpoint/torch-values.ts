/**
 * What the pickle of torch.save may make: views of storages, dictionaries, and values beside them that nobody looks into. All else is refused
 * by its name, as `torch.load(weights_only=True)` does (torch/_weights_only_unpickler.py); what rebuilds tensors is in torch/_utils.py.
 */
import { CheckpointError } from '../base/errors.ts';
import {
  kindOf,
  type Pickled,
  type PickledDict,
  type PickledGlobal,
  type PickledItems,
  type PickleHost,
} from './pickle.ts';
import { type StoredDType, storedBytes } from './safetensors.ts';
import type { Source } from './source.ts';
import { shorten } from './zip.ts';

const MAX_TENSORS = 1 << 15; // of one file; models whose experts are tensors of their own have the most
const MAX_DIMENSIONS = 16;

/** Numbers in a file, of which tensors are views. */
export interface Storage {
  readonly kind: 'storage';
  /** Type of the numbers; undefined for bytes without a type. */
  readonly dtype: StoredDType | undefined;
  /** Of the numbers that the file keeps together. */
  readonly key: string;
  /** Offset of this storage in these numbers; above 0 only in files before version 0.4. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** A view of a storage; offset and strides in elements. Lies inside its storage. */
export interface View {
  readonly kind: 'tensor';
  readonly storage: Storage;
  readonly dtype: StoredDType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export type Value = Pickled<Storage | View>;

/** Throws CheckpointError when the file cannot have `byteLength` bytes under this key. */
export type CheckStorage = (key: string, byteLength: number) => void;

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
  'torch.ComplexFloatStorage': 'C64',
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
  'torch.uint64': 'U64',
  'torch.uint32': 'U32',
  'torch.uint16': 'U16',
  'torch.uint8': 'U8',
  'torch.bool': 'BOOL',
  'torch.complex64': 'C64',
  'torch.float8_e4m3fn': 'F8_E4M3',
  'torch.float8_e5m2': 'F8_E5M2',
  'torch.float8_e8m0fnu': 'F8_E8M0',
};

const TENSORS = new Set([
  'torch._utils._rebuild_tensor',
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_tensor_v3',
]);

/** Functions that return their first argument. */
const SAME = new Set([
  'torch._utils._rebuild_parameter',
  'torch._utils._rebuild_parameter_with_state',
  'torch.nn.parameter.Parameter',
  'torch.nn.parameter.Buffer',
  'torch.Size',
]);

/** A tensor of a class of its own, or with attributes: (function, class, arguments, attributes). */
const TYPED = new Set(['torch._tensor._rebuild_from_type_v2', 'torch._tensor._rebuild_from_type']);

const DICTIONARIES = new Set([
  'collections.OrderedDict',
  'collections.Counter',
  'collections.defaultdict',
  '__builtin__.dict',
  'builtins.dict',
]);

/** Other values that training code saves. */
const BESIDE = new Set([
  ...['torch.device', 'torch.Tensor', 'torch.serialization._get_layout', '_codecs.encode', 'argparse.Namespace'],
  ...['numpy.dtype', 'numpy.ndarray', 'numpy.core.multiarray.scalar', 'numpy._core.multiarray.scalar'],
  ...['numpy.core.multiarray._reconstruct', 'numpy._core.multiarray._reconstruct'],
  ...['bytearray', 'complex', 'set', 'frozenset', 'list', 'int', 'float', 'str', 'bool'].flatMap((name) => [
    `builtins.${name}`,
    `__builtin__.${name}`,
  ]),
]);

const isDType = (name: string): boolean =>
  /^torch\.(u?int\d+|float\w+|bfloat16|complex\d+|bool|q\w+|bits\w+|per_\w+)$/.test(name);

const isAllowed = (name: string): boolean =>
  [TENSORS, SAME, TYPED, DICTIONARIES, BESIDE].some((names) => names.has(name)) ||
  Object.hasOwn(STORAGES, name) ||
  isDType(name);

/** A host for a file; `check` checks its storages. */
export function torchHost(source: Source, check: CheckStorage): PickleHost<Storage | View> {
  const call = (name: string, args: readonly Value[]): Value => {
    if (TENSORS.has(name)) {
      const [type, signs] = name.endsWith('_v3') ? [args[6], args[7]] : [undefined, args[6]];
      return viewOf(source, args, type, signs);
    }
    if (TYPED.has(name)) {
      const [make, , inner] = args;
      if (kindOf(make) !== 'global' || kindOf(inner) !== 'tuple')
        throw refused(source, 'its pickle makes a tensor of a class in a way torch does not');
      return call((make as PickledGlobal).name, (inner as PickledItems<Storage | View>).items);
    }
    if (SAME.has(name)) {
      const wanted = name === 'torch.Size' ? ['tuple', 'list'] : ['tensor'];
      if (!wanted.includes(kindOf(args[0])))
        throw refused(source, `its pickle makes a '${name}' of a ${kindOf(args[0])}`);
      return args[0] as Value;
    }
    if (DICTIONARIES.has(name)) return dictOf(args);
    if (BESIDE.has(name)) return { kind: 'object', name };
    throw refused(source, `its pickle calls '${name}', which is not part of rebuilding tensors`);
  };
  return { file: source.name, allows: isAllowed, call, persistent: (id) => storageOf(source, check, id) };
}

/** The dictionary made by OrderedDict: empty, or a list of pairs from Python 2. */
function dictOf([from]: readonly Value[]): Value {
  if (kindOf(from) === 'dict') return from as Value;
  const items = kindOf(from) === 'list' ? (from as PickledItems<Storage | View>).items : [];
  const entries = items.flatMap((pair): [Value, Value][] => {
    const [key, value] = ['list', 'tuple'].includes(kindOf(pair)) ? (pair as PickledItems<Storage | View>).items : [];
    return key === undefined || value === undefined ? [] : [[key, value]];
  });
  return { kind: 'dict', entries };
}

/** A persistent id is ('storage', class, key, device, number of elements), and before 1.6 one more: (key, offset, number) of a part, or None. */
function storageOf(source: Source, check: CheckStorage, id: Value): Storage {
  const [tag, type, key, , count, part] = kindOf(id) === 'tuple' ? (id as PickledItems<Storage | View>).items : [];
  const name = kindOf(type) === 'global' ? (type as PickledGlobal).name : '';
  if (tag !== 'storage' || !Object.hasOwn(STORAGES, name) || typeof key !== 'string' || !isCount(count))
    throw refused(source, 'its pickle refers to something that is no storage of numbers');
  const dtype = STORAGES[name];
  const elementBytes = dtype ? storedBytes([], dtype) : 1;
  check(key, count * elementBytes);
  const [, offset, size] = kindOf(part) === 'tuple' ? (part as PickledItems<Storage | View>).items : [key, 0, count];
  if (!isCount(offset) || !isCount(size) || offset + size > count)
    throw refused(source, `its pickle has a part of the storage '${shorten(key)}' that does not lie in it`);
  return { kind: 'storage', dtype, key, byteOffset: offset * elementBytes, byteLength: size * elementBytes };
}

/**
 * Arguments: storage, offset, shape, strides, and two that do not matter here. v3 has a type as seventh. The last, where there is one, may
 * tell that the numbers are to be conjugated or negated.
 */
function viewOf(source: Source, args: readonly Value[], type: Value | undefined, signs: Value | undefined): View {
  const [storage, offset] = args;
  if (kindOf(storage) !== 'storage') throw refused(source, `its pickle makes a tensor of a ${kindOf(storage)}`);
  const { byteLength, dtype: storageType } = storage as Storage;
  const typeName = kindOf(type) === 'global' ? (type as PickledGlobal).name : '';
  const dtype = type === undefined ? storageType : Object.hasOwn(DTYPES, typeName) ? DTYPES[typeName] : undefined;
  if (!dtype) throw refused(source, `its pickle makes a tensor of the type '${typeName || kindOf(type)}'`);
  if (!isUnsigned(signs)) throw refused(source, 'its pickle makes a tensor whose numbers are stored negated');
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

const isUnsigned = (signs: Value | undefined): boolean =>
  kindOf(signs) === 'None' ||
  (kindOf(signs) === 'dict' && (signs as PickledDict<Storage | View>).entries.every(([, value]) => value === false));

/** Can different indices in axes of non-zero stride mean the same element? Reading such views could take unlimited time. */
function overlaps(shape: readonly number[], strides: readonly number[]): boolean {
  const axes = shape.map((size, i) => ({ size, stride: strides[i] as number }));
  let span = 1;
  for (const { size, stride } of axes.filter((axis) => axis.size > 1).sort((a, b) => a.stride - b.stride)) {
    if (stride > 0 && stride < span) return true;
    span += (size - 1) * stride;
  }
  return false;
}

/** Keys under which training code saves the tensors of a model, beside other data. */
const NESTED = ['state_dict', 'model', 'model_state_dict', 'module'];

/** The tensors of a state dict, or of the dictionary in which training code keeps one. */
export function viewsOf(source: Source, root: Value): Map<string, View> {
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

/** The tensors among these values; others (a step, a name) are skipped. */
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

export function refused(source: Source, problem: string): CheckpointError {
  return new CheckpointError(`${source.name}: ${problem}. Save the state dict again, or convert it to safetensors.`);
}
