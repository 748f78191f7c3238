/** What each head adds to the output of an attention: made only for those who look, by the output map on each head's z alone. */
import type { Tensor } from '../base/tensor.ts';
import type { DeclaredSite } from './part.ts';
import type { Pass } from './pass.ts';
import { noTaps } from './tap.ts';
import type { Linear } from './weights.ts';

export interface HeadOutputs {
  /** What the output map reads, [T, H D]. */
  readonly read: Tensor;
  /** What it made of that, [T, M]. */
  readonly made: Tensor;
  readonly out: Linear;
  readonly nHeads: number;
}

/** -> [T, M]: `made`, and by how much what heads add was changed. So where nothing is changed, bits stay. */
export function showHeads(pass: Pass, { read, made, out, nHeads }: HeadOutputs, result: DeclaredSite): Tensor {
  const { ops, show } = pass;
  if (!show.sees(result)) return made;
  const heads = headResults(pass, read, out, nHeads);
  const seen = show(result, heads);
  return seen === heads ? made : ops.add(made, ops.add(ops.sumHeads(seen, 1), ops.sumHeads(heads, 1), -1));
}

/** read[T, H D] -> [T, H, M] */
function headResults(pass: Pass, read: Tensor, out: Linear, nHeads: number): Tensor {
  const { ops, batch } = pass;
  const [t, width] = read.shape as [number, number];
  const dHead = width / nHeads;
  const rows = t * nHeads;
  const z = ops.concat([ops.zeros([1, dHead]), ops.reshape(read, [rows, dHead])]); // row 0 is zero
  const places = batch.feed(ops, ({ ids }) => placesOfHeads(ids.length, nHeads), [(rows + 1) * nHeads]);
  const alone = ops.reshape(ops.gather(z, places), [rows + 1, width]); // [T H + 1, H D]
  const all = out({ ...pass, show: noTaps }, alone); // [T H + 1, M]
  const last = batch.feed(ops, ({ ids }) => new Int32Array(ids.length * nHeads).fill(ids.length * nHeads), [rows]);
  const less = ops.add(ops.rows(all, 0, rows), ops.gather(all, last), -1); // the last row is the bias
  return ops.reshape(less, [t, nHeads, all.shape[1] as number]);
}

/** For each token and head, a row that has z of this head in its place, and row 0 elsewhere; then one that has row 0 everywhere. */
function placesOfHeads(tokens: number, nHeads: number): Int32Array {
  const rows = tokens * nHeads;
  const places = new Int32Array((rows + 1) * nHeads);
  for (let row = 0; row < rows; row++) places[row * nHeads + (row % nHeads)] = 1 + row;
  return places;
}
