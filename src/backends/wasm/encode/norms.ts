/** Norms of rows. */
import type { Encoder, Located } from '../command.ts';

export const norm =
  (kernel: string): Encoder<{ eps: number }> =>
  (to, [x, gain, bias], [y], { eps }) => {
    to.begin(kernel);
    to.u32((y as Located).address, (x as Located).address, (gain as Located).address, bias?.address ?? 0);
    to.u32(...(x as Located).shape);
    to.f32(eps);
  };
