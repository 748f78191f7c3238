/** See ops/backward/elementwise-backward.ts. */
import { size } from '../../../../base/tensor.ts';
import type { Activation } from '../../../../ops/index.ts';
import type { Encoder, Located } from '../../command.ts';
import { flat } from '../elementwise.ts';

export const multiply = flat('multiply');
export const geluBackward = flat('geluBackward');
export const softplusBackward = flat('softplusBackward');

export const gateBackward: Encoder<{ activation: Activation }> = (to, inputs, [dg, du], { activation }) => {
  to.begin(activation === 'silu' ? 'gateBackwardSilu' : 'gateBackwardRelu2');
  to.u32((dg as Located).address, (du as Located).address, ...inputs.map(({ address }) => address));
  to.u32(size((dg as Located).shape));
};
