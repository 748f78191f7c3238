/** Streams the numbers of a checkpoint into the live tensors of a plan, in chunks. */
import type { Backend } from '../backends/backend.ts';
import { CheckpointError } from '../base/errors.ts';
import { byteSize, isPacked, show, size, type Tensor } from '../base/tensor.ts';
import type { StoredDType, StoredTensor } from '../checkpoint/safetensors.ts';
import type { Block, SourceDType } from '../formats/numbers.ts';
import type { Ops } from '../ops/index.ts';
import { call, kinds, type OptionsOf } from '../options/option.ts';
import { packTernary } from './pack-ternary.ts';
import { isStoredPacked } from './packed.ts';
import type { Plan, Slice } from './plan.ts';

export interface LoadProgress {
  readonly file: string;
  readonly loaded: number;
  readonly total: number;
}

export interface Filled {
  readonly stored: StoredTensor;
  readonly slices: readonly Slice[];
  readonly backend: Backend;
}

export const FILL_OPTIONS = {
  signal: kinds.signal,
  onProgress: call<(progress: LoadProgress) => void>(),
  /**
   * Called with each stored tensor, under the model's name for it, once its live tensors are filled; awaited before the next one is read.
   */
  onFilled: call<(name: string, filled: Filled) => Promise<void>>(),
};

export interface FillOptions extends OptionsOf<typeof FILL_OPTIONS> {}

/** Bytes read at a time, into two buffers, so that reading and converting overlap. Larger ones are no faster. */
const CHUNK_BYTES = 1 << 21;

/** The stored number types that can be read. */
export const SOURCE: Partial<Record<StoredDType, SourceDType>> = {
  F64: 'f64',
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  I8: 'i8',
  U8: 'u8',
  I32: 'i32',
};

/** Allocates every tensor of the plan, fills it, and computes derived weights. */
export async function fill(plan: Plan, backend: Backend, ops: Ops, options: FillOptions = {}): Promise<void> {
  const { signal, onProgress, onFilled } = options;
  const total = [...plan.slices.keys(), ...plan.packings.keys()].reduce(
    (sum, name) => sum + (plan.tensors.get(name)?.byteLength ?? 0),
    0,
  );
  let loaded = 0;
  for (const slices of plan.slices.values()) for (const { target } of slices) place(backend, target);
  for (const { codes, scale } of plan.packings.values())
    for (const x of scale ? [codes, scale] : [codes]) place(backend, x);
  const buffers = new ReadBuffers();
  const countFor = (stored: StoredTensor) => (bytes: number) => {
    loaded += bytes;
    onProgress?.({ file: stored.file, loaded, total });
  };
  for (const [name, slices] of onFilled ? plan.slices : inFileOrder(plan)) {
    const stored = plan.tensors.get(name) as StoredTensor;
    const onBytes = countFor(stored);
    if (slices.every((slice) => isVerbatim(stored, slice))) {
      for (const { target, firstRow } of slices) {
        const first = firstRow * rowBytes(target);
        await backend.load(target, (offset, into) => readInto(stored, first + offset, into, signal, onBytes));
      }
    } else await fillTensor(backend, stored, slices, buffers, signal, onBytes);
    await onFilled?.(name, { stored, slices, backend });
  }
  const buffer = new Uint8Array(plan.passingBytes);
  for (const [name, packing] of plan.packings) {
    const stored = plan.tensors.get(name) as StoredTensor;
    await packTernary(stored, sourceOf(stored), packing, { backend, buffer, signal, onBytes: countFor(stored) });
  }
  for (const { kept } of plan.derivations) place(backend, kept);
  await derive(plan, backend, ops);
}

/** The stored tensors as they lie in their files, so that few and long ranges are asked of a server. */
function inFileOrder({ slices, tensors }: Plan): [string, Slice[]][] {
  const placeOf = ([name]: readonly [string, unknown]) => tensors.get(name) as StoredTensor;
  const files = [...new Set([...tensors.values()].map(({ file }) => file))];
  const order = new Map(files.map((file, i) => [file, i]));
  return [...slices].sort((a, b) => {
    const [one, other] = [placeOf(a), placeOf(b)];
    return (order.get(one.file) as number) - (order.get(other.file) as number) || (one.begin ?? 0) - (other.begin ?? 0);
  });
}

/** Computes the weights that are functions of others: after loading, and again after weights have changed. */
export async function derive(plan: Plan, backend: Backend, ops: Ops): Promise<void> {
  for (const { kept, compute } of plan.derivations) await backend.step(async () => ops.assign(kept, compute(ops)));
}

/**
 * Fills values that belong to weights, f32 and of their shapes, from tensors of the stored names and shapes of the weights: what
 * `savedValues` has written. Throws CheckpointError when one is missing or has another shape.
 */
export async function fillValues(
  plan: Plan,
  backend: Backend,
  value: (weight: Tensor) => Tensor | undefined,
  from: ReadonlyMap<string, StoredTensor>,
): Promise<void> {
  const buffers = new ReadBuffers();
  for (const [name, slices] of plan.slices) {
    const own = slices.flatMap((slice) => {
      const target = value(slice.target);
      return target ? [{ ...slice, target: target as Slice['target'] }] : [];
    });
    if (own.length === 0) continue;
    const weight = plan.tensors.get(name) as StoredTensor;
    const stored = from.get(weight.name);
    if (!stored) throw new CheckpointError(`the values of '${weight.name}' are missing.`);
    if (show(stored.shape) !== show(weight.shape)) {
      throw new CheckpointError(
        `'${stored.name}' is ${show(stored.shape)} in ${stored.file}, wanted ${show(weight.shape)}, the shape of '${weight.name}'.`,
      );
    }
    await fillTensor(backend, stored, own, buffers, undefined, () => {});
  }
}

function sourceOf({ name, dtype }: StoredTensor): SourceDType {
  const source = SOURCE[dtype];
  if (!source) throw new CheckpointError(`'${name}' is stored as ${dtype}, which is no type for weights here.`);
  return source;
}

function place(backend: Backend, target: Slice['target']): void {
  const { place, offset } = backend.allocate(target.shape, target.dtype);
  target.place = place;
  target.offset = offset;
}

/** Are the bytes in memory those in the file, so that nothing is converted? */
function isVerbatim(stored: StoredTensor, { target, kind, transposed }: Slice): boolean {
  if (kind === 'vector' || transposed) return false;
  return isStoredPacked(stored, target.dtype) || SOURCE[stored.dtype] === target.dtype;
}

/** Fills memory with the bytes of a stored tensor from `offset` on, with two reads in flight. */
async function readInto(
  stored: StoredTensor,
  offset: number,
  into: Uint8Array,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<void> {
  let before: Promise<number> = Promise.resolve(0);
  for (let at = 0; at < into.length; at += CHUNK_BYTES) {
    signal?.throwIfAborted();
    const some = into.subarray(at, at + CHUNK_BYTES);
    const now = stored.read(offset + at, some, signal).then(() => some.length);
    now.catch(() => {}); // it is awaited in the next round; a failing one before it must not leave it unhandled
    onBytes(await before);
    before = now;
  }
  onBytes(await before);
}

/** Bytes of a row of the last axis. */
const rowBytes = ({ shape, dtype }: Slice['target']): number => byteSize([1, shape.at(-1) ?? 1], dtype);

async function fillTensor(
  backend: Backend,
  stored: StoredTensor,
  slices: readonly Slice[],
  buffers: ReadBuffers,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const dtype = sourceOf(stored);
  const elements = size(stored.shape);
  if (elements === 0) return;
  const elementBytes = stored.byteLength / elements;
  const rowLength = stored.shape.length > 1 ? (stored.shape.at(-1) as number) : elements;
  const rows = elements / rowLength;
  // Stored rows of a transposed matrix become columns; some formats pack several columns together, so whole groups are read.
  const [{ target }] = slices as [Slice];
  const together = (isPacked(target.dtype) && target.dtype.part?.columns) || 1;
  const rowsAtOnce = Math.max(1, Math.floor(CHUNK_BYTES / (rowLength * elementBytes * together))) * together;
  const read = (row: number): Promise<Uint8Array> => {
    signal?.throwIfAborted();
    const count = Math.min(rowsAtOnce, rows - row);
    const into = buffers.take(count * rowLength * elementBytes);
    return stored.read(row * rowLength * elementBytes, into, signal).then(() => into);
  };
  let next = read(0);
  for (let row = 0; row < rows; row += rowsAtOnce) {
    const bytes = await next;
    if (row + rowsAtOnce < rows) {
      next = read(row + rowsAtOnce);
      next.catch(() => {}); // it is awaited in the next round; a failing fill must not leave it unhandled
    }
    const chunk = { row, rows: bytes.length / (rowLength * elementBytes), rowLength, elementBytes, dtype, bytes };
    for (const slice of slices) {
      const block = slice.transposed ? columnsOf(chunk, slice) : rowsOf(chunk, slice);
      if (block) await backend.fill(slice.target, block);
    }
    onBytes(bytes.length);
  }
}

/** Two buffers in alternation, reused for all tensors: new ones for each would accumulate until garbage collection. */
class ReadBuffers {
  readonly #buffers = [new Uint8Array(CHUNK_BYTES), new Uint8Array(CHUNK_BYTES)];
  #turn = 0;

  take(bytes: number): Uint8Array {
    this.#turn = 1 - this.#turn;
    if ((this.#buffers[this.#turn] as Uint8Array).length < bytes) this.#buffers[this.#turn] = new Uint8Array(bytes);
    return (this.#buffers[this.#turn] as Uint8Array).subarray(0, bytes);
  }
}

/** Rows `row`.. of a stored tensor, viewed as [rows, rowLength]. */
interface Chunk {
  readonly row: number;
  readonly rows: number;
  readonly rowLength: number;
  readonly elementBytes: number;
  readonly dtype: SourceDType;
  readonly bytes: Uint8Array;
}

/** The part of a chunk that belongs to a slice which is not transposed. */
function rowsOf(chunk: Chunk, { target, firstRow }: Slice): Block | undefined {
  const isVector = target.shape.length === 1;
  if (isVector) {
    // A vector is one stored row; a slice is a range of its columns.
    const length = size(target.shape);
    const bytes = chunk.bytes.subarray(firstRow * chunk.elementBytes, (firstRow + length) * chunk.elementBytes);
    return { row: 0, column: 0, rows: 1, columns: length, dtype: chunk.dtype, bytes, transposed: false };
  }
  const targetRows = size(target.shape.slice(0, -1));
  const from = Math.max(chunk.row, firstRow);
  const to = Math.min(chunk.row + chunk.rows, firstRow + targetRows);
  if (from >= to) return undefined;
  const rowBytes = chunk.rowLength * chunk.elementBytes;
  const bytes = chunk.bytes.subarray((from - chunk.row) * rowBytes, (to - chunk.row) * rowBytes);
  const columns = target.shape.at(-1) as number;
  return { row: from - firstRow, column: 0, rows: to - from, columns, dtype: chunk.dtype, bytes, transposed: false };
}

/** The part of a chunk of a matrix stored as [in, out] that belongs to a slice: some of its columns, which become rows. */
function columnsOf({ row, rows: columns, rowLength: stride, elementBytes, dtype, bytes }: Chunk, slice: Slice): Block {
  const [rows = 0] = slice.target.shape;
  const first = bytes.subarray(slice.firstRow * elementBytes);
  return { row: 0, column: row, rows, columns, dtype, bytes: first, transposed: true, stride };
}
