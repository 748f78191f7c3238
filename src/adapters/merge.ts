/** Merging: the weights become w + scale B A in f32, rounded once to their type. The model then is an ordinary one. */
import type { Backend } from '../backends/backend.ts';
import { UsageError } from '../base/errors.ts';
import { isPacked, size, type Tensor, type TypedArray } from '../base/tensor.ts';
import { type SourceDType, toFloats } from '../formats/numbers.ts';
import type { AdapterFile, StoredChange } from './file.ts';
import { expertsFirst, floatsOf } from './live.ts';
import { moduleOf } from './target.ts';

/** Throws UsageError when weights are packed, or shared with another part of the model. No weights are needed. */
export function checkMerges({ changes, replaced }: AdapterFile): void {
  for (const { target } of [...changes, ...replaced]) {
    const packed = target.parts.find(({ weight }) => isPacked(weight.dtype));
    if (packed)
      throw new UsageError(
        `${moduleOf(target)} is packed, and its change would be lost in rounding: merge into the dense checkpoint (weights f32 or bf16), ` +
          'and quantize the result; or use the adapter without merging.',
      );
    if (target.isShared)
      throw new UsageError(
        `${moduleOf(target)} is shared with the embedding, which would change too: use the adapter without merging.`,
      );
  }
}

/** Changes the weights in memory. Not within a step. */
export async function mergeInto(file: AdapterFile, backend: Backend, signal?: AbortSignal): Promise<void> {
  checkMerges(file);
  for (const { target, weight } of file.replaced) {
    const [part] = target.parts;
    if (part) await write(backend, part.weight, await floatsOf(weight));
  }
  for (const change of file.changes) {
    signal?.throwIfAborted();
    await mergeOne(change, backend);
  }
}

async function mergeOne({ target, rank, scale, a, b }: StoredChange, backend: Backend): Promise<void> {
  const { experts = 1, dIn, dOut } = target;
  const [down, stored] = [await floatsOf(a), await floatsOf(b)];
  const up = target.experts === undefined ? stored : expertsFirst(stored, [experts, dOut, rank]);
  for (const { weight, firstRow } of target.parts) {
    const numbers = Float32Array.from(
      toFloats(weight.dtype as SourceDType, (await backend.read(weight)) as TypedArray),
    );
    const rows = numbers.length / dIn;
    for (let row = 0; row < rows; row++) {
      const expert = Math.floor((firstRow + row) / dOut);
      for (let j = 0; j < dIn; j++) {
        let product = 0;
        for (let r = 0; r < rank; r++)
          product += (up[(firstRow + row) * rank + r] as number) * (down[(expert * rank + r) * dIn + j] as number);
        numbers[row * dIn + j] = (numbers[row * dIn + j] as number) + scale * product;
      }
    }
    await write(backend, weight, numbers);
  }
}

async function write(backend: Backend, weight: Tensor, numbers: Float32Array): Promise<void> {
  const columns = weight.shape.at(-1) as number;
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const block = { row: 0, column: 0, rows: size(weight.shape) / columns, columns, dtype: 'f32' as const };
  await backend.fill(weight, { ...block, bytes, transposed: false });
}
