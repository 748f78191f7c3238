/** Which part of the data is kept for validation: the same on every machine, from the seed. */

import { splitMix64 } from '../sampler/random.ts';
import { permutation } from './permutation.ts';
import type { RowSource } from './row.ts';

/** Orders of epochs begin at 0, so that this one is another. */
const SPLIT_ORDER = 2 ** 40;

/** Is document `number` one for validation? Each is with the probability `share`. */
export function isForValidation(number: number, share: number, seed: number): boolean {
  if (share === 0) return false;
  const [base = 0n] = splitMix64(BigInt(seed), 1);
  const [word = 0n] = splitMix64(base + BigInt(number), 1);
  return Number(word >> 11n) / 2 ** 53 < share;
}

/** Divides rows into those for training and those for validation, `share` of all, rounded. Both are in a random order. */
export function splitRows(source: RowSource, share: number, seed: number): { train: RowSource; validation: RowSource } {
  const { count } = source;
  const held = Math.round(count * share);
  const at = permutation(count, seed, SPLIT_ORDER);
  return {
    validation: { count: held, read: (index) => source.read(at(index)) },
    train: { count: count - held, read: (index) => source.read(at(held + index)) },
  };
}
