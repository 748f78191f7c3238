/** See ops/backward/norm-backward.ts. */
import type { Encoder, Located } from '../../command.ts';

/** Rows of a piece of assembly/backward/norm-backward.ts. */
const PIECE_ROWS = 32;

const normBackward =
  (centred: boolean): Encoder<{ eps: number }> =>
  (to, [x, gain, dy, ...targets], [dx], { eps }) => {
    const [t = 0, m = 0] = (x as Located).shape;
    const pieces = Math.ceil(t / PIECE_ROWS);
    const sums = targets.map(() => to.temp(4 * pieces * m));
    to.begin('normBackward');
    to.u32(...[dx, x, gain, dy].map((some) => (some as Located).address), t, m);
    to.f32(eps);
    to.u32(centred ? 1 : 0, ...sums);
    targets.forEach(({ address }, i) => {
      to.begin('addColumns', { after: i === 0 });
      to.u32(address, sums[i] as number, pieces, m);
    });
  };

export const layerNormBackward = normBackward(true);
export const rmsNormBackward = normBackward(false);
