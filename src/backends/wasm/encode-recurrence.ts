/** Commands of Mamba's convolution and scan. */
import type { CommandWriter, Encoder, Located } from './command.ts';
import { type Run, runsOf } from './packed.ts';

/**
 * Channels of one piece: whole cache lines, four of each row where there are many tokens; else larger pieces, as each takes but a
 * microsecond, yet several for each thread.
 */
function pieceOf(to: CommandWriter, { tokens, count }: Run, channels: number): number {
  if (tokens >= 4) return 64;
  const fair = Math.ceil((count * channels) / (4 * to.parts) / 16) * 16;
  return Math.max(16, Math.min(128, fair));
}

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
