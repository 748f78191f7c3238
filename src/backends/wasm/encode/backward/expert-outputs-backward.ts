/** See ops/backward/expert-outputs-backward.ts. */
import type { Activation } from '../../../../ops/index.ts';
import type { Encoder, Located } from '../../command.ts';
import { inPanels } from '../../panels.ts';
import { formatOf, inputBytes, productScratch, rowBytes, rowsAtOnce, tileOf } from '../products.ts';
import { gatherByExpert, groupSlots, rowsByExpert, sumPlaces, sumsByExpert } from './expert-products.ts';

/** Rows of weights in blocks that are made floats at once. */
const FLOAT_ROWS = 32;

export const expertOutputsBackward: Encoder<{ activation: Activation }> = (to, inputs, [dx], { activation }) => {
  const [x, ids, wIn, wOut, dz, dwIn, dwOut] = inputs as [
    Located,
    Located,
    Located,
    Located,
    Located,
    Located | undefined,
    Located | undefined,
  ];
  const [count = 0, width = 0, inner = 0] = wOut.shape;
  const [tokens = 0, active = 0] = ids.shape;
  const slots = tokens * active;
  const { dtype } = wIn;
  const places = groupSlots(to, ids, count);
  const read = inPanels(dtype) ? 'f32' : dtype;
  const packed = to.temp(tokens * inputBytes(width, read));
  to.begin('packInputs');
  to.u32(packed, x.address, tokens, width, formatOf(read));

  const given = gatherByExpert(to, dz.address, places, width, { after: true, listed: true });
  const xs = dwIn ? gatherByExpert(to, x.address, places, width, { divisor: active }) : 0;
  const both = to.temp(8 * slots * inner);
  const chunk = inPanels(dtype) ? FLOAT_ROWS : rowsAtOnce(2 * inner, rowBytes(width, dtype), to.parts);
  const floats = inPanels(dtype) ? 4 * FLOAT_ROWS * width : 0;
  to.begin('exactByExpert', { scratchBytes: productScratch(tokens, width, read) + floats });
  to.u32(both, packed, places.order, places.groups, wIn.address, 2 * inner, width, formatOf(dtype));
  to.u32(chunk, active, tokens, tileOf(to));

  const hidden = to.temp(4 * slots * inner);
  rowsByExpert(to, hidden, given, places, wOut);
  to.begin(activation === 'silu' ? 'gateByExpertSilu' : 'gateByExpertRelu2', { after: true });
  to.u32(both, hidden, places.groups, inner);

  const all = to.temp(4 * slots * width);
  rowsByExpert(to, all, both, places, wIn);
  if (dwIn) sumsByExpert(to, dwIn, both, places, xs);
  if (dwOut) sumsByExpert(to, dwOut, given, places, hidden);
  sumPlaces(to, dx as Located, all, places, ids, count);
};
