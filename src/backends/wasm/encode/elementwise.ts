/** See ops/elementwise.ts. */

import { size } from '../../../base/tensor.ts';
import type { Activation } from '../../../ops/index.ts';
import type { Encoder, Located } from '../command.ts';

/** An op of one kernel that takes pieces of a flat array. */
export const flat =
  <Attrs>(kernel: string | ((attrs: Attrs) => string), by: (attrs: Attrs) => number = () => 1): Encoder<Attrs> =>
  (to, [x, second], [y], attrs) => {
    to.begin(typeof kernel === 'string' ? kernel : kernel(attrs));
    to.u32((y as Located).address, (x as Located).address, second?.address ?? 0, size((y as Located).shape));
    to.f32(by(attrs));
  };

const by = (attrs: { by: number }) => attrs.by;

export const add = flat('add', by);
export const scale = flat('scale', by);
export const gelu = flat('gelu');
export const softplus = flat('softplus');
export const negExp = flat('negExp');
export const gate = flat<{ activation: Activation }>(({ activation }) =>
  activation === 'silu' ? 'gateSilu' : 'gateRelu2',
);
