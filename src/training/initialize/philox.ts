/**
 * Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): 128 random bits for each value of a
 * counter. A number depends on nothing but the seed and its place, so tensors can be filled in any order and in parts.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const KEY_STEP_0 = 0x9e3779b9; // golden ratio
const KEY_STEP_1 = 0xbb67ae85; // sqrt(3) - 1
const ROUNDS = 10;

/** The upper 32 bits of a product of two 32-bit numbers. */
function high(a: number, b: number): number {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carried = (middle & 0xffff) + aLow * bHigh; // `&` takes the lower bits of numbers beyond 2^32 too
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carried / 65536)) >>> 0;
}

/** Writes four words of 32 bits, for a counter of four words and a key of two, into `out`. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array,
): void {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = high(MULTIPLIER_0, a);
    const low0 = Math.imul(MULTIPLIER_0, a);
    const high1 = high(MULTIPLIER_1, c);
    const low1 = Math.imul(MULTIPLIER_1, c);
    a = (high1 ^ b ^ k0) >>> 0;
    b = low1 >>> 0;
    c = (high0 ^ d ^ k1) >>> 0;
    d = low0 >>> 0;
    k0 = (k0 + KEY_STEP_0) >>> 0;
    k1 = (k1 + KEY_STEP_1) >>> 0;
  }
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
}
