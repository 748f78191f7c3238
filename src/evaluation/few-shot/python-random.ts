/**
 * The generator of Python's `random.Random` (Mersenne Twister MT19937, Matsumoto and Nishimura 1998; CPython, Modules/_randommodule.c and
 * Lib/random.py): the same draws for the same whole number as seed.
 */
const N = 624;
const M = 397;

export class PythonRandom {
  readonly #state = new Uint32Array(N);
  #at = N;

  /** `seed`: a whole number from 0 on. */
  constructor(seed: number) {
    const key = [seed >>> 0];
    if (seed >= 2 ** 32) key.push(Math.floor(seed / 2 ** 32));
    this.#initialize(key);
  }

  /** The next 32 bits. */
  next32(): number {
    if (this.#at === N) this.#twist();
    let y = this.#state[this.#at++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A number from 0 to below 1, with 53 bits. */
  random(): number {
    const high = this.next32() >>> 5;
    const low = this.next32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** A whole number from 0 to below n <= 2^32. */
  below(n: number): number {
    const bits = 32 - Math.clz32(n);
    let drawn = this.next32() >>> (32 - bits);
    while (drawn >= n) drawn = this.next32() >>> (32 - bits);
    return drawn;
  }

  /** `k` different places of a list of `n`, in the order in which they are drawn. */
  sample(n: number, k: number): number[] {
    if (k <= 5 ? n <= 21 : n <= 21 + powerOf4From(3 * k)) {
      const pool = Array.from({ length: n }, (_, i) => i);
      return Array.from({ length: k }, (_, i) => {
        const at = this.below(n - i);
        const drawn = pool[at] as number;
        pool[at] = pool[n - i - 1] as number;
        return drawn;
      });
    }
    const taken = new Set<number>();
    while (taken.size < k) taken.add(this.below(n)); // a place that was drawn before is drawn again
    return [...taken];
  }

  /** A place of a list of `n`, drawn with replacement, as `choices` draws each. */
  choice(n: number): number {
    return Math.floor(this.random() * n);
  }

  #initialize(key: readonly number[]): void {
    const mt = this.#state;
    mt[0] = 19650218;
    for (let i = 1; i < N; i++) mt[i] = Math.imul(1812433253, mixed(mt[i - 1] as number)) + i;
    let i = 1;
    let j = 0;
    for (let k = Math.max(N, key.length); k > 0; k--) {
      mt[i] = ((mt[i] as number) ^ Math.imul(mixed(mt[i - 1] as number), 1664525)) + (key[j] as number) + j;
      i = this.#nextPlace(i);
      j = (j + 1) % key.length;
    }
    for (let k = N - 1; k > 0; k--) {
      mt[i] = ((mt[i] as number) ^ Math.imul(mixed(mt[i - 1] as number), 1566083941)) - i;
      i = this.#nextPlace(i);
    }
    mt[0] = 0x80000000;
  }

  /** The place after `i`; the first word follows the last. */
  #nextPlace(i: number): number {
    if (i + 1 < N) return i + 1;
    this.#state[0] = this.#state[N - 1] as number;
    return 1;
  }

  #twist(): void {
    const mt = this.#state;
    for (let i = 0; i < N; i++) {
      const y = ((mt[i] as number) & 0x80000000) | ((mt[(i + 1) % N] as number) & 0x7fffffff);
      mt[i] = (mt[(i + M) % N] as number) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#at = 0;
  }
}

/** The power of 4 from n on. */
function powerOf4From(n: number): number {
  let power = 1;
  while (power < n) power *= 4;
  return power;
}

const mixed = (x: number): number => x ^ (x >>> 30);
