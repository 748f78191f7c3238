/**
 * What an engine's WebAssembly can do beyond what the kernels need: for reports, so that a slow or failing machine explains itself. Each
 * answer comes from a module of a few bytes that only an engine with the feature validates.
 */
import { hasRelaxedSimd, hasSimd } from './features.ts';

export interface EngineFeatures {
  /** Vectors of 128 bits; nothing runs without. */
  readonly simd: boolean;
  /** Fused multiply-add and int8 products. */
  readonly relaxedSimd: boolean;
  /** Memory shared between threads. */
  readonly threads: boolean;
  /** Memories of more than 4 GiB. */
  readonly memory64: boolean;
  /** Several memories in one module. */
  readonly multiMemory: boolean;
  /** Calls that wait for promises. */
  readonly promiseIntegration: boolean;
}

const PAGE = 65536;
const MAX_PAGES = 65536;

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** One memory of 1 to 1 pages, flag 2: shared. */
const SHARED_MEMORY = [5, 4, 1, 3, 1, 1];
/** One memory of 1 page or more, flag 4: 64-bit addresses. */
const MEMORY64 = [5, 3, 1, 4, 1];
/** Two memories of no page or more. */
const TWO_MEMORIES = [5, 5, 2, 0, 0, 0, 0];

const validates = (section: readonly number[]) => WebAssembly.validate(new Uint8Array([...HEADER, ...section]));

export function engineFeatures(): EngineFeatures {
  return {
    simd: hasSimd(),
    relaxedSimd: hasRelaxedSimd(),
    threads: typeof SharedArrayBuffer === 'function' && validates(SHARED_MEMORY),
    memory64: validates(MEMORY64),
    multiMemory: validates(TWO_MEMORIES),
    promiseIntegration: 'Suspending' in WebAssembly,
  };
}

/** Bytes of the largest memory that the engine grants at this moment; 0 for none. Takes address space only, which the collector returns. */
export function largestMemory(shared: boolean): number {
  for (let pages = MAX_PAGES; pages > 0; pages >>= 1) {
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages, shared }).buffer.byteLength;
    } catch {
      // too large: half of it then
    }
  }
  return 0;
}

/** Bytes that 32-bit addresses reach. */
export const LARGEST_POSSIBLE_MEMORY = PAGE * MAX_PAGES;
