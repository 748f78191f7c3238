/** See ops/backward/expert-linear-backward.ts and ops/backward/add-expert-outer.ts. */
import type { ExpertRows } from '../../../../ops/expert-linear.ts';
import type { Encoder, Located } from '../../command.ts';
import { gatherByExpert, groupSlots, rowsByExpert, sumPlaces, sumsByExpert } from './expert-products.ts';

export const expertLinearBackward: Encoder<ExpertRows> = (to, inputs, [dx], range) => {
  const [dy, ids, w] = inputs as [Located, Located, Located];
  const [count = 0, , columns = 0] = w.shape;
  const places = groupSlots(to, ids, count);
  const given = gatherByExpert(to, dy.address, places, range.to - range.from, { after: true, listed: true });
  const all = to.temp(4 * places.slots * columns);
  rowsByExpert(to, all, given, places, w, range);
  sumPlaces(to, dx as Located, all, places, ids, count);
};

export const addExpertOuter: Encoder<ExpertRows> = (to, inputs, _, range) => {
  const [target, dy, x, ids] = inputs as [Located, Located, Located, Located];
  const [count = 0, , columns = 0] = target.shape;
  const places = groupSlots(to, ids, count);
  const given = gatherByExpert(to, dy.address, places, range.to - range.from, { after: true });
  const xs = gatherByExpert(to, x.address, places, columns, { divisor: ids.shape[1] as number });
  sumsByExpert(to, target, given, places, xs, { after: true, range });
};
