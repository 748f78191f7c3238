/** Ops that move rows: see ops/write-rows.ts, gather.ts and memory.ts. */
import { toFiniteF16 } from '../../formats/key-values.ts';
import { isPacked, rows, type Tensor } from '../../tensor.ts';
import type { Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

const row = (x: Tensor, i: number) => numbersOf(rows(x, i, i + 1));

export const writeRows: Kernel<undefined> = ([pool, source, places]) => {
  const { dtype } = pool as Tensor;
  const x = source as Tensor;
  numbersOf(places as Tensor).forEach((place, n) => {
    const [to, numbers] = [row(pool as Tensor, place), row(x, n)];
    if (x.dtype === dtype) to.set(numbers);
    else if (isPacked(dtype)) to.set(dtype.pack(numbers, x.shape.with(0, 1)));
    else to.set(Array.from(numbers, toFiniteF16));
  });
};

export const gather: Kernel<undefined> = ([x, places], [y]) => {
  numbersOf(places as Tensor).forEach((place, n) => {
    row(y as Tensor, n).set(row(x as Tensor, place));
  });
};

export const concat: Kernel<undefined> = (parts, [y]) => {
  let first = 0;
  for (const x of parts) {
    const end = first + (x.shape[0] as number);
    numbersOf(rows(y as Tensor, first, end)).set(numbersOf(x));
    first = end;
  }
};
