/** See ops/convert.ts. */
import { size } from '../../../base/tensor.ts';
import type { Encoder, Located } from '../command.ts';

export const convert: Encoder<{ to: 'f32' | 'bf16' }> = (to, [x], [y], { to: type }) => {
  to.begin(type === 'bf16' ? 'toBf16' : 'fromBf16');
  to.u32((y as Located).address, (x as Located).address, size((y as Located).shape));
};
