/** The reader in docs/weight-formats.md reads what is saved. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { storedBlockShape } from '../../src/loader/blocks.ts';
import { dequantize, fillQuantised } from '../../src/quantised.ts';
import { byteSize } from '../../src/tensor.ts';

type ReadMatrix = (bytes: Uint8Array, shape: readonly number[], rows: number, columns: number) => Float32Array;

const guide = readFileSync(new URL('../../docs/weight-formats.md', import.meta.url), 'utf8');
const [, code = ''] = /^```js\n(.*?)^```$/ms.exec(guide) ?? [];

describe.each(['q8', 'q4'] as const)('%s', (dtype) => {
  it.each([
    [8, 32],
    [13, 70],
    [1, 1],
    [24, 96],
  ])('of a matrix [%i, %i] is read as its definition says', async (rows, columns) => {
    const { readMatrix } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
      readMatrix: ReadMatrix;
    };
    const shape = [rows, columns];
    const numbers = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * i) * (1 + (i % 5)));
    const bytes = new Uint8Array(byteSize(shape, dtype));
    const source = new Uint8Array(numbers.buffer);
    fillQuantised(
      bytes,
      { shape, dtype },
      { row: 0, column: 0, rows, columns, dtype: 'f32', bytes: source, transposed: false },
    );
    expect(readMatrix(bytes, storedBlockShape([shape], dtype), rows, columns)).toEqual(dequantize(bytes, dtype, shape));
  });
});
