/** Random numbers of one tensor: pairs by place, from the seed of the run and the name of the tensor. */
import { cos, log, sin } from '../../base/math.ts';
import { philox } from './philox.ts';

const FNV_PRIME = 0x100000001b3n;
const FNV_OFFSET = 0xcbf29ce484222325n;

/** FNV-1a (draft-eastlake-fnv) of 64 bits over the UTF-8 bytes of a name, as two words. */
export function wordsOfName(name: string): [number, number] {
  let state = FNV_OFFSET;
  for (const byte of new TextEncoder().encode(name)) state = BigInt.asUintN(64, (state ^ BigInt(byte)) * FNV_PRIME);
  return words(state);
}

const words = (x: bigint): [number, number] => [Number(x & 0xffffffffn), Number(x >> 32n)];

/** A key of philox. */
export const keyOfSeed = (seed: number): [number, number] => words(BigInt(seed));

/** Fills `pair` with two numbers for place `index`, from 0 on. */
export type Pairs = (index: number, pair: Float64Array) => void;

/** Pairs of numbers uniform in [0, 1), with 53 bits. `seed`: a whole number from 0 to 2^53 - 1. */
export function uniformPairs(seed: number, name: string): Pairs {
  const key = keyOfSeed(seed);
  const [name0, name1] = wordsOfName(name);
  const bits = new Uint32Array(4);
  return (index, pair) => {
    philox([index >>> 0, Math.floor(index / 2 ** 32), name0, name1], key, bits);
    const [a, b, c, d] = bits as unknown as [number, number, number, number];
    pair[0] = ((a >>> 5) * 2 ** 26 + (b >>> 6)) / 2 ** 53;
    pair[1] = ((c >>> 5) * 2 ** 26 + (d >>> 6)) / 2 ** 53;
  };
}

/** Pairs of independent numbers with mean 0 and variance 1 (Box and Muller 1958). */
export function normalPairs(seed: number, name: string): Pairs {
  const uniform = uniformPairs(seed, name);
  return (index, pair) => {
    uniform(index, pair);
    const radius = Math.sqrt(-2 * log(1 - (pair[0] as number))); // 1 - u is above 0
    const angle = 2 * Math.PI * (pair[1] as number);
    pair[0] = radius * cos(angle);
    pair[1] = radius * sin(angle);
  };
}
