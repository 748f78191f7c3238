/**
 * Dropout of the inputs of adapters (arXiv 1207.0580), as torch's: each number is 0 with probability `rate`, and is divided by 1 - rate otherwise.
 * What is left out follows from the seed of the run and a place in it alone, so that a run that goes on, or computes a block again, draws the same.
 */
import { philox } from './initialize/philox.ts';
import { keyOfSeed, wordsOfName } from './initialize/random-numbers.ts';

/** Where a pass stands in a run. */
export interface PassPlace {
  readonly step: number;
  /** Of the step. */
  readonly batch: number;
}

/** A part of a pass that computes a linear map once: 0 the model, then each run of rows of the head. */
export interface DropoutPlace extends PassPlace {
  readonly part: number;
}

const HALF = 0x10000; // each word of 32 bits decides on two numbers
const IN_BLOCK = 8;

/** Factors of `count` numbers. `name`: of the linear map. */
export function dropoutFactors(
  count: number,
  { rate, seed, name }: { readonly rate: number; readonly seed: number; readonly name: string },
  { step, batch, part }: DropoutPlace,
): Float32Array {
  const factors = new Float32Array(count);
  const key = keyOfSeed(seed);
  const [low, high] = wordsOfName(`${name}.dropout`);
  const place = (Math.imul(batch, HALF) ^ part) >>> 0;
  const [least, kept] = [Math.round(rate * HALF), 1 / (1 - rate)];
  const words = new Uint32Array(4);
  for (let i = 0; i < count; i += IN_BLOCK) {
    philox([i / IN_BLOCK, step >>> 0, (place ^ high) >>> 0, low], key, words);
    for (let n = 0; n < Math.min(IN_BLOCK, count - i); n++) {
      const word = words[n >> 1] as number;
      factors[i + n] = (n % 2 === 0 ? word % HALF : word >>> 16) < least ? 0 : kept;
    }
  }
  return factors;
}
