/** See ops/backward/expert-gates-backward.ts. */
import type { Encoder, Located } from '../../command.ts';

export const expertGatesBackward: Encoder<{ experts: number }> = (to, inputs, [dlogits], { experts }) => {
  const [tokens = 0, active = 0] = (inputs[0] as Located).shape;
  to.begin('expertGatesBackward');
  to.u32((dlogits as Located).address, ...inputs.map(({ address }) => address), tokens, experts, active);
};
