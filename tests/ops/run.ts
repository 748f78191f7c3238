/** Runs one op on a backend, in a step of its own. */
import type { Backend } from '../../src/backends/backend.ts';
import { eager, opsOf } from '../../src/backends/eager.ts';
import { isPacked, size, type Tensor, type TypedArray } from '../../src/base/tensor.ts';
import { i8Rows } from '../../src/formats/i8-rows.ts';
import type { Input, OpCase } from './cases.ts';

const SOURCE = { Float32Array: 'f32', Int32Array: 'i32', Int8Array: 'i8' } as const;

/** A live tensor with these numbers. */
export async function live(backend: Backend, { shape, dtype, data }: Input) {
  const x = backend.allocate(shape, dtype);
  if (dtype === i8Rows) {
    await writeF32(backend, x, data as Float32Array);
    return x;
  }
  if (isPacked(dtype) && !dtype.part) {
    const packed = dtype.pack(data, shape);
    await backend.load(x, async (offset, into) => into.set(packed.subarray(offset, offset + into.length)));
    return x;
  }
  const columns = shape.at(-1) ?? 1;
  const source = SOURCE[data.constructor.name as keyof typeof SOURCE];
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const rows = columns === 0 ? 0 : data.length / columns;
  if (rows > 0) await backend.fill(x, { row: 0, column: 0, rows, columns, dtype: source, bytes, transposed: false });
  return x;
}

/** Keys and values in one of their formats, rounded by the backend itself, some rows at a time. */
async function writeF32(backend: Backend, x: Tensor, data: Float32Array): Promise<void> {
  const ops = opsOf(backend);
  const [count = 0, ...row] = x.shape;
  const width = size(row);
  for (let first = 0; first < count; first += 64) {
    const places = Int32Array.from({ length: Math.min(64, count - first) }, (_, n) => first + n);
    const some = data.subarray(first * width, (first + places.length) * width);
    await backend.step(async () => {
      ops.writeRows(x, ops.upload(some, [places.length, ...row]), ops.upload(places, [places.length]));
    });
  }
}

/** The outputs, then what was written in place. */
export async function runCase(backend: Backend, { op, inputs, attrs }: OpCase): Promise<TypedArray[]> {
  const tensors = await Promise.all(inputs.map((input) => live(backend, input)));
  const results = await backend.step(async () => {
    const outputs = eager(backend).apply(op, tensors, attrs as never);
    const written = op.mutates?.(tensors, attrs as never) ?? [];
    const read: TypedArray[] = [];
    for (const x of [...outputs, ...written]) read.push(await backend.read(x));
    return read;
  });
  for (const x of tensors) backend.free(x);
  return results;
}
