/**
 * Pseudorandom permutations of 0 .. count - 1 that need no memory, whatever the count: a Feistel network over the next power of 4, walked until
 * the result is below the count (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002, section 4). Whole numbers of 32
 * bits only, so every machine computes the same order.
 */
import { splitMix64 } from '../sampler/random.ts';

const ROUNDS = 8;

/** Small counts are permuted within a larger domain, where the rounds mix better. */
const LEAST_HALF_BITS = 4;

/** The finaliser of MurmurHash3 (Appleby, public domain). */
function mix(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/**
 * Where each place of the order comes from. `count`: up to 2^52. `seed`: a whole number from 0 to 2^53 - 1. `epoch`: another order for each, from 0 on.
 */
export function permutation(count: number, seed: number, epoch = 0): (place: number) => number {
  const halfBits = halfBitsFor(count);
  const half = 2 ** halfBits;
  const mask = half - 1;
  const [start = 0n] = splitMix64(BigInt(seed), 1);
  const keys = splitMix64(start + BigInt(epoch), ROUNDS).map((key) => [
    Number(BigInt.asIntN(32, key)),
    Number(BigInt.asIntN(32, key >> 32n)),
  ]);
  const encrypt = (value: number): number => {
    let left = Math.floor(value / half);
    let right = value % half;
    for (const [inner = 0, outer = 0] of keys) {
      const mixed = mix(mix(right ^ inner) + outer);
      [left, right] = [right, (left ^ mixed) & mask];
    }
    return left * half + right;
  };
  return (place) => {
    let value = encrypt(place);
    while (value >= count) value = encrypt(value);
    return value;
  };
}

function halfBitsFor(count: number): number {
  let bits = LEAST_HALF_BITS;
  while (4 ** bits < count) bits++;
  return bits;
}
