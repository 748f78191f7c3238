/**
 * What each head adds to the output of an attention. Computed only for taps and interventions, by applying the output projection to each
 * head's z alone.
 */
import type { Tensor } from '../base/tensor.ts';
import type { DeclaredSite } from './part.ts';
import type { Pass } from './pass.ts';
import { noTaps } from './tap.ts';
import type { Linear } from './weights.ts';

export interface HeadOutputs {
  /** Input of the output projection, [T, H D]. */
  readonly read: Tensor;
  /** Its output, [T, M]. */
  readonly made: Tensor;
  readonly out: Linear;
  readonly nHeads: number;
}

/** Shows the heads' results; -> [T, M]: `made` plus the sum of the changes to these results. Without changes, `made` keeps its bits. */
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
  const less = ops.add(ops.rows(all, 0, rows), ops.gather(all, last), -1); // the last row is the projection's bias
  return ops.reshape(less, [t, nHeads, all.shape[1] as number]);
}

/** For each token and head, a row with z of this head in its place and row 0 (zeros) elsewhere; then one row of zeros only. */
function placesOfHeads(tokens: number, nHeads: number): Int32Array {
  const rows = tokens * nHeads;
  const places = new Int32Array((rows + 1) * nHeads);
  for (let row = 0; row < rows; row++) places[row * nHeads + (row % nHeads)] = 1 + row;
  return places;
}
