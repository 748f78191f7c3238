/** See ops/selective-scan.ts. */
import type { Encoder, Located } from '../command.ts';
import { runsOf } from '../packed.ts';
import { pieceOf } from './channels.ts';

export const selectiveScan: Encoder<{ starts: readonly number[] }> = (to, inputs, [y], { starts }) => {
  const [x, dt, a, b, c, d, states, slots] = inputs as readonly Located[] as [
    Located,
    Located,
    Located,
    Located,
    Located,
    Located,
    Located,
    Located,
  ];
  const [channels = 0, count = 0] = a.shape;
  for (const run of runsOf(starts)) {
    const [wide, narrow] = [4 * run.row * channels, 4 * run.row * count];
    const piece = pieceOf(to, run, channels);
    to.begin('selectiveScan', { scratchBytes: 8 * piece * count });
    to.u32((y as Located).address + wide, x.address + wide, dt.address + wide, a.address);
    to.u32(b.address + narrow, c.address + narrow, d.address, states.address);
    to.u32(run.tokens, channels, count, piece, slots.address + 4 * run.first, run.count);
  }
};
