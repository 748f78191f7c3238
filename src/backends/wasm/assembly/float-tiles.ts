/**
 * Sums of two widened rows for two, four or six tokens: the inner loops of products with weights in floats (float-rows.ts). They read what they add
 * to at `from`, and leave it at `to`: of each token in turn A and B of the first row, and of the second. `w` has eight columns of the first row, eight of the
 * second, and so on, of which the first four of eight go into A. An engine with registers of 256 bits makes one instruction of what is added to A and to B, and
 * has enough of them for six tokens.
 */
import { madd } from './lanes';

export function tile2(to: usize, from: usize, x0: usize, x1: usize, w: usize, bytes: usize): void {
  let a0 = v128.load(from);
  let a1 = v128.load(from, 16);
  let a2 = v128.load(from, 32);
  let a3 = v128.load(from, 48);
  let b0 = v128.load(from, 64);
  let b1 = v128.load(from, 80);
  let b2 = v128.load(from, 96);
  let b3 = v128.load(from, 112);
  for (const end = w + bytes; w < end; w += 64) {
    let k0 = v128.load(w);
    let k1 = v128.load(w, 32);
    let x = v128.load(x0);
    a0 = madd(x, k0, a0);
    a2 = madd(x, k1, a2);
    x = v128.load(x1);
    b0 = madd(x, k0, b0);
    b2 = madd(x, k1, b2);
    k0 = v128.load(w, 16);
    k1 = v128.load(w, 48);
    x = v128.load(x0, 16);
    a1 = madd(x, k0, a1);
    a3 = madd(x, k1, a3);
    x = v128.load(x1, 16);
    b1 = madd(x, k0, b1);
    b3 = madd(x, k1, b3);
    x0 += 32;
    x1 += 32;
  }
  v128.store(to, a0);
  v128.store(to, a1, 16);
  v128.store(to, a2, 32);
  v128.store(to, a3, 48);
  v128.store(to, b0, 64);
  v128.store(to, b1, 80);
  v128.store(to, b2, 96);
  v128.store(to, b3, 112);
}

/**
 * A alone for four tokens, or B: with those added to, `x` and `w` 16 bytes further. Eight sums and the six loads of a turn fit into registers of 128 bits, also where an
 * engine moves all loads to the begin of a turn (V8 11).
 */
function half4(to: usize, from: usize, x0: usize, x1: usize, x2: usize, x3: usize, w: usize, bytes: usize): void {
  let a0 = v128.load(from);
  let a1 = v128.load(from, 32);
  let b0 = v128.load(from, 64);
  let b1 = v128.load(from, 96);
  let c0 = v128.load(from, 128);
  let c1 = v128.load(from, 160);
  let d0 = v128.load(from, 192);
  let d1 = v128.load(from, 224);
  for (const end = w + bytes; w < end; w += 64) {
    const k0 = v128.load(w);
    const k1 = v128.load(w, 32);
    let x = v128.load(x0);
    a0 = madd(x, k0, a0);
    a1 = madd(x, k1, a1);
    x = v128.load(x1);
    b0 = madd(x, k0, b0);
    b1 = madd(x, k1, b1);
    x = v128.load(x2);
    c0 = madd(x, k0, c0);
    c1 = madd(x, k1, c1);
    x = v128.load(x3);
    d0 = madd(x, k0, d0);
    d1 = madd(x, k1, d1);
    x0 += 32;
    x1 += 32;
    x2 += 32;
    x3 += 32;
  }
  v128.store(to, a0);
  v128.store(to, a1, 32);
  v128.store(to, b0, 64);
  v128.store(to, b1, 96);
  v128.store(to, c0, 128);
  v128.store(to, c1, 160);
  v128.store(to, d0, 192);
  v128.store(to, d1, 224);
}

/** As tile4, for registers of 128 bits. */
export function halves4(to: usize, from: usize, x0: usize, x1: usize, x2: usize, x3: usize, w: usize, bytes: usize): void {
  half4(to, from, x0, x1, x2, x3, w, bytes);
  half4(to + 16, from + 16, x0 + 16, x1 + 16, x2 + 16, x3 + 16, w + 16, bytes);
}

export function tile4(to: usize, from: usize, x0: usize, x1: usize, x2: usize, x3: usize, w: usize, bytes: usize): void {
  let a0 = v128.load(from);
  let a1 = v128.load(from, 16);
  let a2 = v128.load(from, 32);
  let a3 = v128.load(from, 48);
  let b0 = v128.load(from, 64);
  let b1 = v128.load(from, 80);
  let b2 = v128.load(from, 96);
  let b3 = v128.load(from, 112);
  let c0 = v128.load(from, 128);
  let c1 = v128.load(from, 144);
  let c2 = v128.load(from, 160);
  let c3 = v128.load(from, 176);
  let d0 = v128.load(from, 192);
  let d1 = v128.load(from, 208);
  let d2 = v128.load(from, 224);
  let d3 = v128.load(from, 240);
  for (const end = w + bytes; w < end; w += 64) {
    let k0 = v128.load(w);
    let k1 = v128.load(w, 32);
    let x = v128.load(x0);
    a0 = madd(x, k0, a0);
    a2 = madd(x, k1, a2);
    x = v128.load(x1);
    b0 = madd(x, k0, b0);
    b2 = madd(x, k1, b2);
    x = v128.load(x2);
    c0 = madd(x, k0, c0);
    c2 = madd(x, k1, c2);
    x = v128.load(x3);
    d0 = madd(x, k0, d0);
    d2 = madd(x, k1, d2);
    k0 = v128.load(w, 16);
    k1 = v128.load(w, 48);
    x = v128.load(x0, 16);
    a1 = madd(x, k0, a1);
    a3 = madd(x, k1, a3);
    x = v128.load(x1, 16);
    b1 = madd(x, k0, b1);
    b3 = madd(x, k1, b3);
    x = v128.load(x2, 16);
    c1 = madd(x, k0, c1);
    c3 = madd(x, k1, c3);
    x = v128.load(x3, 16);
    d1 = madd(x, k0, d1);
    d3 = madd(x, k1, d3);
    x0 += 32;
    x1 += 32;
    x2 += 32;
    x3 += 32;
  }
  v128.store(to, a0);
  v128.store(to, a1, 16);
  v128.store(to, a2, 32);
  v128.store(to, a3, 48);
  v128.store(to, b0, 64);
  v128.store(to, b1, 80);
  v128.store(to, b2, 96);
  v128.store(to, b3, 112);
  v128.store(to, c0, 128);
  v128.store(to, c1, 144);
  v128.store(to, c2, 160);
  v128.store(to, c3, 176);
  v128.store(to, d0, 192);
  v128.store(to, d1, 208);
  v128.store(to, d2, 224);
  v128.store(to, d3, 240);
}

export function tile6(to: usize, from: usize, x0: usize, x1: usize, x2: usize, x3: usize, x4: usize, x5: usize, w: usize, bytes: usize): void {
  let a0 = v128.load(from);
  let a1 = v128.load(from, 16);
  let a2 = v128.load(from, 32);
  let a3 = v128.load(from, 48);
  let b0 = v128.load(from, 64);
  let b1 = v128.load(from, 80);
  let b2 = v128.load(from, 96);
  let b3 = v128.load(from, 112);
  let c0 = v128.load(from, 128);
  let c1 = v128.load(from, 144);
  let c2 = v128.load(from, 160);
  let c3 = v128.load(from, 176);
  let d0 = v128.load(from, 192);
  let d1 = v128.load(from, 208);
  let d2 = v128.load(from, 224);
  let d3 = v128.load(from, 240);
  let e0 = v128.load(from, 256);
  let e1 = v128.load(from, 272);
  let e2 = v128.load(from, 288);
  let e3 = v128.load(from, 304);
  let f0 = v128.load(from, 320);
  let f1 = v128.load(from, 336);
  let f2 = v128.load(from, 352);
  let f3 = v128.load(from, 368);
  for (const end = w + bytes; w < end; w += 64) {
    let k0 = v128.load(w);
    let k1 = v128.load(w, 32);
    let x = v128.load(x0);
    a0 = madd(x, k0, a0);
    a2 = madd(x, k1, a2);
    x = v128.load(x1);
    b0 = madd(x, k0, b0);
    b2 = madd(x, k1, b2);
    x = v128.load(x2);
    c0 = madd(x, k0, c0);
    c2 = madd(x, k1, c2);
    x = v128.load(x3);
    d0 = madd(x, k0, d0);
    d2 = madd(x, k1, d2);
    x = v128.load(x4);
    e0 = madd(x, k0, e0);
    e2 = madd(x, k1, e2);
    x = v128.load(x5);
    f0 = madd(x, k0, f0);
    f2 = madd(x, k1, f2);
    k0 = v128.load(w, 16);
    k1 = v128.load(w, 48);
    x = v128.load(x0, 16);
    a1 = madd(x, k0, a1);
    a3 = madd(x, k1, a3);
    x = v128.load(x1, 16);
    b1 = madd(x, k0, b1);
    b3 = madd(x, k1, b3);
    x = v128.load(x2, 16);
    c1 = madd(x, k0, c1);
    c3 = madd(x, k1, c3);
    x = v128.load(x3, 16);
    d1 = madd(x, k0, d1);
    d3 = madd(x, k1, d3);
    x = v128.load(x4, 16);
    e1 = madd(x, k0, e1);
    e3 = madd(x, k1, e3);
    x = v128.load(x5, 16);
    f1 = madd(x, k0, f1);
    f3 = madd(x, k1, f3);
    x0 += 32;
    x1 += 32;
    x2 += 32;
    x3 += 32;
    x4 += 32;
    x5 += 32;
  }
  v128.store(to, a0);
  v128.store(to, a1, 16);
  v128.store(to, a2, 32);
  v128.store(to, a3, 48);
  v128.store(to, b0, 64);
  v128.store(to, b1, 80);
  v128.store(to, b2, 96);
  v128.store(to, b3, 112);
  v128.store(to, c0, 128);
  v128.store(to, c1, 144);
  v128.store(to, c2, 160);
  v128.store(to, c3, 176);
  v128.store(to, d0, 192);
  v128.store(to, d1, 208);
  v128.store(to, d2, 224);
  v128.store(to, d3, 240);
  v128.store(to, e0, 256);
  v128.store(to, e1, 272);
  v128.store(to, e2, 288);
  v128.store(to, e3, 304);
  v128.store(to, f0, 320);
  v128.store(to, f1, 336);
  v128.store(to, f2, 352);
  v128.store(to, f3, 368);
}
