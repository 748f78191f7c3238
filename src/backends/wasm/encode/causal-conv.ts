/** See ops/causal-conv.ts. */
import type { Encoder, Located } from '../command.ts';
import { runsOf } from '../packed.ts';
import { pieceOf } from './channels.ts';

export const causalConv: Encoder<{ starts: readonly number[] }> = (to, inputs, [y], { starts }) => {
  const [x, w, bias, windows, slots] = inputs as [Located, Located, Located, Located, Located];
  const [channels = 0, width = 0] = w.shape;
  for (const run of runsOf(starts)) {
    const at = 4 * run.row * channels;
    const piece = pieceOf(to, run, channels);
    to.begin('causalConv', { scratchBytes: 4 * piece * width });
    to.u32((y as Located).address + at, x.address + at, w.address, bias.address, windows.address);
    to.u32(run.tokens, channels, width, piece, slots.address + 4 * run.first, run.count);
  }
};
