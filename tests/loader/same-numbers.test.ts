/** Two stored tensors are the same when all their numbers are. */
import { describe, expect, test } from 'vitest';
import type { StoredDType, StoredTensor } from '../../src/checkpoint/safetensors.ts';
import { toBf16 } from '../../src/formats/numbers.ts';
import { sameNumbers } from '../../src/loader/same-numbers.ts';

function tensor(dtype: StoredDType, numbers: ArrayBufferView, shape: number[]): StoredTensor {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const read = async (offset: number, into: Uint8Array) => into.set(bytes.subarray(offset, offset + into.length));
  return { name: 'x', file: 'f', dtype, shape, byteLength: bytes.length, read };
}

const floats = (...numbers: number[]) => tensor('F32', Float32Array.from(numbers), [numbers.length]);

describe('two tensors of one type', () => {
  test('one number in a million is enough to tell them apart, wherever it is', async () => {
    const count = 1_200_001;
    const zeros = tensor('BF16', new Uint16Array(count), [count]);
    expect(await sameNumbers(zeros, tensor('BF16', new Uint16Array(count), [count]))).toBe(true);
    for (const at of [0, 1, 524_287, 524_288, count - 1]) {
      const other = new Uint16Array(count);
      other[at] = 0x3f80;
      expect(await sameNumbers(zeros, tensor('BF16', other, [count])), `at ${at}`).toBe(false);
    }
  });

  test('0 and -0 are equal, other shapes are not', async () => {
    expect(await sameNumbers(floats(0, 1), floats(-0, 1))).toBe(true);
    expect(await sameNumbers(floats(1, 2), { ...floats(1, 2), shape: [1, 2] })).toBe(false);
    expect(await sameNumbers(floats(), floats())).toBe(true);
  });

  test('bytes that are no numbers here are compared as bytes', async () => {
    const bytes = (...of: number[]) => tensor('U8', Uint8Array.from(of), [of.length]);
    expect(await sameNumbers(bytes(1, 2, 3), bytes(1, 2, 3))).toBe(true);
    expect(await sameNumbers(bytes(1, 2, 3), bytes(1, 2, 4))).toBe(false);
  });
});

test('tensors of two types are compared as numbers', async () => {
  const halves = tensor('BF16', Uint16Array.from([1, -2.5, 3], toBf16), [3]);
  expect(await sameNumbers(halves, floats(1, -2.5, 3))).toBe(true);
  expect(await sameNumbers(floats(1, -2.5, 3.001), halves)).toBe(false);
});

test('views of the same bytes of a file are not read', async () => {
  const read = () => Promise.reject(new Error('read'));
  const view = { ...floats(1, 2), read, sharedBytes: '64/F32/1' };
  expect(await sameNumbers(view, { ...view })).toBe(true);
  await expect(sameNumbers(view, { ...view, sharedBytes: '72/F32/1' })).rejects.toThrow('read');
});
