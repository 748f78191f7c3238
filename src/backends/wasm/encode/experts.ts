/** See ops/experts.ts: the two ops that it consists of, one after the other. */
import type { Activation } from '../../../ops/index.ts';
import type { Encoder, Located } from '../command.ts';
import { outputsAt } from './expert-outputs.ts';
import { sumInto } from './sum-slots.ts';

export const experts: Encoder<{ activation: Activation }> = (to, inputs, [y], { activation }) => {
  const [x, ids, gates, wIn, wOut] = inputs as [Located, Located, Located, Located, Located];
  const z = to.temp(4 * ids.shape.reduce((a, b) => a * b, (y as Located).shape[1] as number));
  outputsAt(to, z, { x, ids, wIn, wOut }, activation);
  sumInto(to, y as Located, z, gates, true);
};
