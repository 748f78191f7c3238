/**
 * Weights of 1.58-bit layers: -1, 0 and 1, two bits each, as checkpoints store them (transformers integrations/bitnet.py, pack_weights). A matrix
 * [N, J] is bytes [R, J], R = ceil(N / 4): byte [p, k] holds column k of rows p, p + R, p + 2R and p + 3R, low bits first, with 1 added.
 * Their common scale is a tensor of its own.
 */
import { type Shape, size } from '../base/tensor.ts';
import { type MatrixFormat, named } from './format.ts';
import { q8 } from './q8.ts';

const storedShape = ([rows = 1, ...rest]: Shape): number[] => [Math.ceil(rows / 4), ...rest];

/** Calls `visit` with each number's index, the index of its byte and its place in that byte. */
function eachCode(shape: Shape, visit: (number: number, byte: number, shift: number) => void): void {
  const [rows = 1, columns = 1] = shape;
  const [quarter = 1] = storedShape(shape);
  for (let i = 0; i < rows * columns; i++) {
    const row = Math.floor(i / columns);
    visit(i, (row % quarter) * columns + (i % columns), 2 * Math.floor(row / quarter));
  }
}

export const ternary: MatrixFormat<'ternary'> = {
  ...named('ternary'),
  exactness: 'nothing: it holds only -1, 0 and 1',
  bytes: 'u8',
  storedShape,
  hasRows: false,
  op: 'linearTernary',
  quantMethod: 'bitnet',
  others: q8,
  pack(numbers, shape) {
    const bytes = new Uint8Array(size(storedShape(shape)));
    eachCode(shape, (i, byte, shift) => {
      const code = (numbers[i] as number) + 1;
      if (code !== 0 && code !== 1 && code !== 2) throw new RangeError(`${numbers[i]} is not one of -1, 0 and 1`);
      bytes[byte] = (bytes[byte] as number) | (code << shift);
    });
    return bytes;
  },
  unpack(bytes, shape) {
    const floats = new Float32Array(size(shape));
    eachCode(shape, (i, byte, shift) => {
      floats[i] = (((bytes[byte] as number) >> shift) & 3) - 1;
    });
    return floats;
  },
};
