/** docs/weight-formats.md says what the formats are, and its reader reads what is saved. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { size } from '../../src/base/tensor.ts';
import { MATRIX_FORMATS } from '../../src/formats/index.ts';
import { q4 } from '../../src/formats/q4.ts';
import { q8 } from '../../src/formats/q8.ts';

type ReadMatrix = (bytes: Uint8Array, shape: readonly number[], columns: number) => Float32Array;

const guide = readFileSync(new URL('../../docs/weight-formats.md', import.meta.url), 'utf8');
const [, code = ''] = /^```js\n(.*?)^```$/ms.exec(guide) ?? [];

it.each(MATRIX_FORMATS)(
  'the table of formats has $name with its size and its loss',
  ({ name, storedShape, exactness }) => {
    const row = guide.split('\n').find((line) => line.startsWith(`| \`${name}\``)) ?? '';
    const cells = row.split('|').map((cell) => cell.trim());
    expect([cells[2], cells[5]]).toEqual([String((8 * size(storedShape([64, 64]))) / 64 ** 2), exactness]);
  },
);

describe.each([q8, q4])('$name', (format) => {
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
    const bytes = format.pack(numbers, shape) as Uint8Array;
    expect(readMatrix(bytes, format.storedShape(shape), columns)).toEqual(format.unpack(bytes, shape));
  });
});
