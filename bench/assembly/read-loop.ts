/** The ceiling of everything that reads weights: a loop that does nothing but read, along as many streams as the kernels. A command like those of the backend's kernels. */
import { address, scratch, take, word } from '../../src/backends/wasm/assembly/command';
import { STREAMS } from '../../src/backends/wasm/assembly/matrices';

const PIECE: u32 = 1 << 18;

/** Words: start, bytes (a multiple of 512), times that all of them are read. Scratch memory: 16 bytes, so that the reads have a purpose. */
export function readLoop(args: usize, part: u32, parts: u32): void {
  const bytes = word(args, 1);
  const pieces = (bytes + (PIECE - 1)) / PIECE;
  const all = pieces * word(args, 2);
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (let piece = take(args); piece < all; piece = take(args)) {
    const first = (piece % pieces) * PIECE;
    const apart: usize = min(PIECE, bytes - first) / STREAMS;
    const start = address(args, 0) + first;
    for (let from = start; from < start + apart; from += 128) {
      for (let at = from; at < from + STREAMS * apart; at += apart) {
        a = v128.xor(a, v128.xor(v128.load(at), v128.load(at, 16)));
        b = v128.xor(b, v128.xor(v128.load(at, 32), v128.load(at, 48)));
        c = v128.xor(c, v128.xor(v128.load(at, 64), v128.load(at, 80)));
        d = v128.xor(d, v128.xor(v128.load(at, 96), v128.load(at, 112)));
      }
    }
  }
  v128.store(scratch(args, part), v128.xor(v128.xor(a, b), v128.xor(c, d)));
}
