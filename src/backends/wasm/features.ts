/** What this engine's WebAssembly can do, found out by letting it validate, and in one case run, a few bytes. */
import type { KernelVariant } from './platform.ts';

const V128 = 0x7b;
const I32 = 0x7f;

/** v128.const with all bytes alike. */
const bytes16 = (byte: number): number[] => [0xfd, 0x0c, ...new Array<number>(16).fill(byte)];

/** () -> v128, one instruction that relaxed SIMD brought: f32x4.relaxed_madd of three constants. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(moduleOf([...bytes16(0), ...bytes16(0), ...bytes16(0), 0xfd, 0x85, 0x02], V128));
}

/** False also where there is no WebAssembly at all, as in browsers that are locked down. */
export function hasSimd(): boolean {
  return globalThis.WebAssembly !== undefined && WebAssembly.validate(moduleOf(bytes16(0), V128));
}

/**
 * Possible sums of four int8 products, each 127 times 0xff. The instruction does not define what the upper bit of the second factor means, so the result
 * tells how the engine computes it: by one instruction that takes the factor as unsigned (x86 with VNNI) or as signed (ARM), or by several, the
 * first of which saturates at 16 bits.
 */
const SINGLE_INSTRUCTION = [4 * 127 * 255, 4 * 127 * -1];

/**
 * V8 11 has relaxed SIMD behind a flag, and an error in it: the first code that it makes of that instruction, before it optimises, can
 * lose what it should add to.
 */
const hasWrongSums = (): boolean => Boolean(globalThis.process?.versions?.v8?.startsWith('11.'));

/** The fastest kernels that this engine runs. Throws where there is no SIMD. */
export function fastestVariant(): KernelVariant {
  if (!hasRelaxedSimd()) return 'plain';
  if (hasWrongSums()) return 'relaxed16';
  // i32x4.relaxed_dot_i8x16_i7x16_add_s, i32x4.extract_lane 0
  const body = [...bytes16(127), ...bytes16(0xff), ...bytes16(0), 0xfd, 0x93, 0x02, 0xfd, 0x1b, 0];
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleOf(body, I32)));
  return SINGLE_INSTRUCTION.includes((exports.f as () => number)()) ? 'relaxed32' : 'relaxed16';
}

/** A module with one exported function f: () -> result. */
function moduleOf(code: readonly number[], result: number): Uint8Array<ArrayBuffer> {
  const body = [0, ...code, 0x0b];
  const type = [1, 5, 1, 0x60, 0, 1, result];
  const named = [7, 5, 1, 1, 0x66, 0, 0];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...type,
    ...[3, 2, 1, 0],
    ...named,
    ...[10, body.length + 2, 1, body.length],
    ...body,
  ]);
}
