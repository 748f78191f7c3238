/** Makes a stored tensor of a torch tensor: a strided view of a storage. */
import type { StoredTensor } from './safetensors.ts';
import { storedBytes } from './safetensors.ts';
import { type Source, tooShort } from './source.ts';
import { byteAxes, readStrided } from './strided.ts';
import type { View } from './torch-values.ts';
import { shorten } from './zip.ts';

/** `start`: offset of the storage's numbers in the file. */
export function storedView(source: Source, name: string, view: View, start: number): StoredTensor {
  const { shape, dtype } = view;
  const elementBytes = storedBytes([], dtype);
  const byteLength = storedBytes(shape, dtype);
  const axes = byteAxes(shape, view.strides, elementBytes);
  const base = start + view.storage.byteOffset + view.offset * elementBytes;
  return {
    name,
    shape,
    dtype,
    file: source.name,
    byteLength,
    sharedBytes: `${base}/${dtype}/${view.strides.join()}`,
    async read(offset, into, signal) {
      const end = offset + into.length;
      if (end > byteLength) throw tooShort(`'${shorten(name)}' in ${source.name}`, byteLength, end);
      await readStrided(axes, base, offset, into, (at, bytes) => source.read(at, bytes, signal));
    },
  };
}
