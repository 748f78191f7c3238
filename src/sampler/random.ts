/**
 * Uniform random numbers that are the same on every platform: xoshiro128** 1.1 (Blackman and Vigna, "Scrambled linear
 * pseudorandom number generators", arXiv 1805.01407), its state filled by SplitMix64 from the seed, as its authors advise.
 */

const rotateLeft = (x: number, n: number): number => (x << n) | (x >>> (32 - n));

/** SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): `count` numbers of 64 bits. */
export function splitMix64(seed: bigint, count: number): bigint[] {
  const wrap = (x: bigint) => BigInt.asUintN(64, x);
  let state = wrap(seed);
  return Array.from({ length: count }, () => {
    state = wrap(state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = wrap((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = wrap((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  });
}

export class Random {
  readonly #state: Uint32Array;

  /** Four words of state, not all zero. */
  constructor(state: readonly [number, number, number, number]) {
    this.#state = Uint32Array.from(state);
  }

  /** Seed: a whole number from 0 to 2^53 - 1. */
  static fromSeed(seed: number): Random {
    const [a = 0n, b = 0n] = splitMix64(BigInt(seed), 2);
    const word = (x: bigint, shift: bigint) => Number(BigInt.asUintN(32, x >> shift));
    return new Random([word(a, 0n), word(a, 32n), word(b, 0n), word(b, 32n)]);
  }

  /** 32 random bits. */
  word(): number {
    const s = this.#state as Uint32Array & Record<0 | 1 | 2 | 3, number>;
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotateLeft(s[3], 11);
    return result;
  }

  /** Uniform in [0, 1), 53 bits. */
  uniform(): number {
    const high = this.word() >>> 5;
    const low = this.word() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }
}

/** Another seed each time, short enough to be typed again: below 2^32. */
export function freshSeed(): number {
  const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
  return seed;
}
