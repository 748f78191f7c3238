/** Four rows of numbers as vectors with one row in each lane, and back: what kernels on channels compute with. */

/** The columns of four rows of four floats, as rows. */
// @ts-ignore: decorator
@inline
function transpose(to: usize, toStride: usize, from: usize, fromStride: usize): void {
  const row0 = v128.load(from);
  const row1 = v128.load(from + fromStride);
  const row2 = v128.load(from + 2 * fromStride);
  const row3 = v128.load(from + 3 * fromStride);
  const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5);
  const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7);
  const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
  v128.store(to + toStride, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
  v128.store(to + 2 * toStride, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
  v128.store(to + 3 * toStride, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
}

/**
 * `count` rows (1 to 4) of n floats as n vectors with one channel in each lane, `apart` bytes apart; zeros in the lanes of rows that are not there.
 */
export function gather(columns: usize, rows: usize, count: usize, n: usize, apart: usize = 16): void {
  let k: usize = 0;
  if (count == 4) for (; k + 4 <= n; k += 4) transpose(columns + k * apart, apart, rows + (k << 2), n << 2);
  for (; k < n; k++) {
    for (let i: usize = 0; i < 4; i++) {
      store<f32>(columns + k * apart + (i << 2), i < count ? load<f32>(rows + ((i * n + k) << 2)) : 0);
    }
  }
}

/** The way back. */
export function scatter(rows: usize, columns: usize, count: usize, n: usize): void {
  let k: usize = 0;
  if (count == 4) for (; k + 4 <= n; k += 4) transpose(rows + (k << 2), n << 2, columns + (k << 4), 16);
  for (; k < n; k++) {
    for (let i: usize = 0; i < count; i++) {
      store<f32>(rows + ((i * n + k) << 2), load<f32>(columns + (((k << 2) + i) << 2)));
    }
  }
}


/** Adds vectors of sums, with one row in each lane, to `count` rows (1 to 4). `spare` holds n vectors. */
export function addSums(rows: usize, sums: usize, count: usize, n: usize, spare: usize): void {
  gather(spare, rows, count, n);
  for (let i: usize = 0; i < n << 4; i += 16) v128.store(spare + i, f32x4.add(v128.load(spare + i), v128.load(sums + i)));
  scatter(rows, spare, count, n);
}
