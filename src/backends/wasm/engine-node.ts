/** What Node's engine has behind flags and makes the kernels faster. */
import { setFlagsFromString } from 'node:v8';
import { hasRelaxedSimd } from './features.ts';
import type { VectorBits } from './platform.ts';

/** Programs that bring an engine of their own, which may not let its flags be changed. */
const OTHERS = ['electron', 'nw', 'bun', 'deno'];

interface Offer {
  readonly flag: string;
  /** Is this the engine that the flag was tried with, and does it have it? An engine that does not know a flag complains on stderr. */
  readonly holds: () => boolean;
}

const WIDE_VECTORS = '--experimental-wasm-revectorize';

const isEngine = (prefix: string): boolean => process.versions.v8.startsWith(prefix);

const OFFERS: readonly Offer[] = [
  // The instruction that this first version gets wrong is not used (features.ts).
  { flag: '--experimental-wasm-relaxed-simd', holds: () => isEngine('11.') && !hasRelaxedSimd() },
  // One instruction of 256 bits (AVX2) for two alike, of 128 bits, that end in stores side by side. It gets `load16x4_u` and its like wrong and
  // stops the process where both of two such vectors are passed to a function, so the kernels do neither; CI runs them with it.
  {
    flag: WIDE_VECTORS,
    holds: () =>
      isEngine('13.6.') &&
      process.arch === 'x64' &&
      (process.config.variables as Record<string, unknown>).v8_enable_wasm_simd256_revec === 1,
  },
];

const enabled: string[] = [];

/** 256 where the flag for it is set, here or on the command line of Node. */
export function vectorBits(): VectorBits {
  const flags = [...enabled, ...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(' ')];
  return flags.includes(WIDE_VECTORS) ? 256 : 128;
}

/**
 * Turns on what Node has behind flags and makes the kernels faster: relaxed SIMD in Node 20, vectors of 256 bits in Node 24 on x64. It holds for
 * the whole process, threads included; call it before a model is loaded. Node says of flags that are changed at run time that they may do
 * anything; these are only read when WebAssembly is compiled, all of it in the process. A program may do this, a library should not. Does nothing
 * where the environment has PORTMANTEAU_FLAGS=0. Gives the flags that it has set so far.
 */
export function enableEngineFeatures(): readonly string[] {
  if (process.env.PORTMANTEAU_FLAGS === '0' || process.release.name !== 'node') return enabled;
  if (OTHERS.some((name) => name in process.versions)) return enabled;
  for (const { flag, holds } of OFFERS) {
    if (enabled.includes(flag) || !holds()) continue;
    setFlagsFromString(flag);
    enabled.push(flag);
  }
  return enabled;
}
