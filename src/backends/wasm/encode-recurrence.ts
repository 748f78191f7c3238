/** Commands of Mamba's convolution and scan. */
import type { CommandWriter, Encoder, Located } from './command.ts';

/**
 * Channels of one piece: whole cache lines, four of each row where there are many tokens; else larger pieces, as each takes but a
 * microsecond, yet several for each thread.
 */
function pieceOf(to: CommandWriter, tokens: number, channels: number): number {
  if (tokens >= 4) return 64;
  const fair = Math.ceil(channels / (4 * to.parts) / 16) * 16;
  return Math.max(16, Math.min(128, fair));
}

export const causalConv: Encoder<{ starts: readonly number[] }> = (to, [x, w, bias, ...windows], [y], { starts }) => {
  const [channels = 0, width = 0] = (w as Located).shape;
  windows.forEach((window, i) => {
    const first = starts[i] as number;
    const tokens = (starts[i + 1] as number) - first;
    const at = 4 * first * channels;
    const piece = pieceOf(to, tokens, channels);
    to.begin('causalConv', { scratchBytes: 4 * piece * width });
    to.u32((y as Located).address + at, (x as Located).address + at, (w as Located).address, (bias as Located).address);
    to.u32(window.address, tokens, channels, width, piece);
  });
};

export const selectiveScan: Encoder<{ starts: readonly number[] }> = (
  to,
  [x, dt, a, b, c, d, ...states],
  [y],
  { starts },
) => {
  const [channels = 0, count = 0] = (a as Located).shape;
  states.forEach((state, i) => {
    const first = starts[i] as number;
    const tokens = (starts[i + 1] as number) - first;
    const [wide, narrow] = [4 * first * channels, 4 * first * count];
    const piece = pieceOf(to, tokens, channels);
    to.begin('selectiveScan', { scratchBytes: 8 * piece * count });
    to.u32((y as Located).address + wide, (x as Located).address + wide, (dt as Located).address + wide);
    to.u32((a as Located).address, (b as Located).address + narrow, (c as Located).address + narrow);
    to.u32((d as Located).address, state.address, tokens, channels, count, piece);
  });
};
