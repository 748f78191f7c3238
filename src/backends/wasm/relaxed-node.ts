/** Relaxed SIMD in Node 20, whose engine has it behind a flag. */
import { setFlagsFromString } from 'node:v8';
import { hasRelaxedSimd } from './features.ts';

/** Programs that bring an engine of their own, which may not let its flags be changed. */
const OTHERS = ['electron', 'nw', 'bun', 'deno'];

/**
 * Turns relaxed SIMD on where it is behind a flag: in Node 20, for the whole process, threads included. Call it before a model is loaded.
 * Node says of flags that are changed at run time that they may do anything; this one is only read when WebAssembly is compiled, and the
 * instruction that its first version gets wrong is not used (features.ts). A program may do this, a library should not.
 */
export function enableRelaxedSimd(): void {
  const { versions, release } = process;
  const known = release.name === 'node' && versions.v8.startsWith('11.') && !OTHERS.some((name) => name in versions);
  if (known && !hasRelaxedSimd()) setFlagsFromString('--experimental-wasm-relaxed-simd');
}
