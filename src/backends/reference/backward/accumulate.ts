/** Sums of gradients, added to in place: see ops/backward/{accumulate,add-outer,add-columns,add-rows}.ts. */
import { rows, size, type Tensor } from '../../../base/tensor.ts';
import { at, type Kernel } from '../kernel.ts';
import { numbersOf } from '../memory.ts';

export const accumulate: Kernel<{ by: number }> = ([target, x], _, { by }) => {
  const [sum, added] = [numbersOf(target as Tensor), numbersOf(x as Tensor)];
  for (let i = 0; i < sum.length; i++) sum[i] = at(sum, i) + by * at(added, i);
};

export const addOuter: Kernel<undefined> = ([target, y, x]) => {
  const [n = 0, j = 0] = (target as Tensor).shape;
  const t = (x as Tensor).shape[0] as number;
  const [sum, left, right] = [target, y, x].map((some) => numbersOf(some as Tensor)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  for (let i = 0; i < n * j; i++) {
    const [row, column] = [Math.floor(i / j), i % j];
    let product = 0;
    for (let token = 0; token < t; token++) product += at(left, token * n + row) * at(right, token * j + column);
    sum[i] = at(sum, i) + product;
  }
};

export const addColumns: Kernel<undefined> = ([target, x]) => {
  const [sum, added] = [numbersOf(target as Tensor), numbersOf(x as Tensor)];
  for (let n = 0; n < sum.length; n++) {
    let column = 0;
    for (let i = n; i < added.length; i += sum.length) column += at(added, i);
    sum[n] = at(sum, n) + column;
  }
};

export const addRows: Kernel<{ by: number }> = ([target, x, places], _, { by }) => {
  const width = size((x as Tensor).shape.slice(1));
  const added = numbersOf(x as Tensor);
  numbersOf(places as Tensor).forEach((place, n) => {
    const sum = numbersOf(rows(target as Tensor, place, place + 1));
    for (let i = 0; i < width; i++) sum[i] = at(sum, i) + by * at(added, n * width + i);
  });
};
