/** See ops/backward/sum-slots-backward.ts. */
import type { Encoder, Located } from '../../command.ts';

export const sumSlotsBackward: Encoder<undefined> = (to, inputs, outputs) => {
  to.begin('sumSlotsBackward');
  to.u32(...[...outputs, ...inputs].map(({ address }) => address), ...(inputs[0] as Located).shape);
};
