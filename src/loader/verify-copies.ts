/** Are tensors that a checkpoint stores twice really the same? */
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { size } from '../tensor.ts';

/** Rows compared of each pair, spread evenly: enough to notice a head that was trained apart, at the cost of a few reads. */
const SAMPLED_ROWS = 32;

/** A sentence for every copy that differs from its original. */
export async function differingCopies(copies: readonly (readonly [StoredTensor, StoredTensor])[]): Promise<string[]> {
  const warnings: string[] = [];
  for (const [copy, original] of copies) {
    if (await sameRows(copy, original)) continue;
    warnings.push(
      `'${copy.name}' differs from '${original.name}', of which the configuration makes it a copy; it is not used, as in the ` +
        `reference implementation. Where there is a switch for it (tie_word_embeddings), replace it in the config to use it.`,
    );
  }
  return warnings;
}

async function sameRows(a: StoredTensor, b: StoredTensor): Promise<boolean> {
  if (a.dtype !== b.dtype || a.byteLength !== b.byteLength || a.shape.join() !== b.shape.join()) return false;
  const rows = a.shape[0] ?? 0;
  if (size(a.shape) === 0) return true;
  const rowBytes = a.byteLength / rows;
  const [left, right] = [new Uint8Array(rowBytes), new Uint8Array(rowBytes)];
  const samples = Math.min(rows, SAMPLED_ROWS);
  for (let i = 0; i < samples; i++) {
    const row = Math.floor((i * (rows - 1)) / Math.max(1, samples - 1));
    await Promise.all([a.read(row * rowBytes, left), b.read(row * rowBytes, right)]);
    if (left.some((byte, j) => byte !== right[j])) return false;
  }
  return true;
}
