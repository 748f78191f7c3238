/** Bytes of weights that decoding one token must read, when it is a word that did not come before. */

import { byteSize } from '../src/base/tensor.ts';
import type { OpenedModel } from '../src/node.ts';

/**
 * All matrices and vectors; of experts those that a token uses; of tables with a row per word the one that serves as head, and of
 * tables that are only looked up nothing. That is the most: where values depend on nothing but the id of a token (the senses of a
 * Backpack), a token that came before in the same state reads fewer. `decodeSeconds` in bench/measure.ts takes new ids, and so reads all.
 */
export function bytesPerToken({ plan, model }: OpenedModel): number {
  const { vocabSize, nExperts, nActiveExperts } = model.facts as unknown as Record<string, number | undefined>;
  let bytes = 0;
  let head = 0;
  for (const { kind, target } of [...plan.slices.values()].flat()) {
    const size = byteSize(target.shape, target.dtype);
    if (kind === 'experts') bytes += (size * (nActiveExperts ?? 1)) / (nExperts ?? 1);
    else if (kind !== 'table') bytes += size;
    else if (target.shape[0] === vocabSize) head = size;
  }
  for (const { codes, scale } of plan.packings.values())
    for (const { shape, dtype } of scale ? [codes, scale] : [codes]) bytes += byteSize(shape, dtype);
  return bytes + head;
}
