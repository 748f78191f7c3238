/** What this engine's WebAssembly can do, found out by letting it validate a few bytes. */

/** () -> v128, one instruction that relaxed SIMD brought: f32x4.relaxed_madd of three constants. */
export function hasRelaxedSimd(): boolean {
  const zero = [0xfd, 0x0c, ...new Array<number>(16).fill(0)]; // v128.const 0
  const body = [0, ...zero, ...zero, ...zero, 0xfd, 0x85, 0x02, 0x0b];
  return WebAssembly.validate(moduleOf(body));
}

export function hasSimd(): boolean {
  return WebAssembly.validate(moduleOf([0, 0xfd, 0x0c, ...new Array<number>(16).fill(0), 0x0b]));
}

/** A module with one function () -> v128 of this body. */
function moduleOf(body: readonly number[]): Uint8Array<ArrayBuffer> {
  const type = [1, 5, 1, 0x60, 0, 1, 0x7b];
  const code = [10, body.length + 2, 1, body.length, ...body];
  return new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...type, 3, 2, 1, 0, ...code]);
}
