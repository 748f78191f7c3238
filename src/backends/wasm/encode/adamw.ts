/** See ops/adamw.ts. */
import { pow } from '../../../base/math.ts';
import { size } from '../../../base/tensor.ts';
import type { AdamWAttrs } from '../../../ops/adamw.ts';
import type { Encoder, Located } from '../command.ts';

export const adamw: Encoder<AdamWAttrs> = (to, inputs, _, { lr, beta1, beta2, eps, decay, scale, step }) => {
  to.begin('adamw');
  to.u32(...inputs.map(({ address }) => address), size((inputs[0] as Located).shape));
  const numbers = [scale, 1 - lr * decay, beta1, 1 - beta1, beta2, 1 - beta2];
  numbers.push(lr / (1 - pow(beta1, step)), 1 / Math.sqrt(1 - pow(beta2, step)), eps);
  for (const number of numbers) to.f32(number);
};
