/** The reader in docs/weight-formats.md reads what is saved. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { q4 } from '../../src/formats/q4.ts';
import { q8 } from '../../src/formats/q8.ts';

type ReadMatrix = (bytes: Uint8Array, shape: readonly number[], columns: number) => Float32Array;

const guide = readFileSync(new URL('../../docs/weight-formats.md', import.meta.url), 'utf8');
const [, code = ''] = /^```js\n(.*?)^```$/ms.exec(guide) ?? [];

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
