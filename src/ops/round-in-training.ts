/**
 * What quantisation-aware training of 1.58-bit models computes with (arXiv 2402.17764; the released checkpoints' warm-up): numbers moved
 * by `lambda` (0 to 1) of the way to their rounded values. Rounding is half to even.
 *   trainTernary  w' = w + lambda (Q(w) - w), Q(w) = clamp(round(w s), -1, 1) / s, s = 1 / max(mean|w|, 1e-5) of the whole matrix. w[N, J]
 *   trainInt8     x' = x + lambda (Q(x) - x), Q(x) = clamp(round(x s), -128, 127) / s, s = 127 / max(max|x|, 1e-5) of each row. x[T, J]
 * The gradient passes unchanged at every lambda (straight-through): the rounding is taken as a constant that is added.
 */
import type { Tensor } from '../base/tensor.ts';
import { sameShape } from './check.ts';
import type { Backward } from './gradient.ts';
import type { Op } from './op.ts';

const straightThrough = ({ gradients: [dy], give }: Backward<{ lambda: number }>): void => give(0, dy as Tensor);

export const trainTernary: Op<{ lambda: number }> = { ...sameShape('trainTernary', 1), gradient: straightThrough };
export const trainInt8: Op<{ lambda: number }> = { ...sameShape('trainInt8', 1), gradient: straightThrough };
