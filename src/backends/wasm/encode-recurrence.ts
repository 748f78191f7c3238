/** Commands of Mamba's convolution and scan. */
import type { Encoder, Located } from './command.ts';

export const causalConv: Encoder<{ starts: readonly number[] }> = (to, [x, w, bias, ...windows], [y], { starts }) => {
  const [channels = 0, width = 0] = (w as Located).shape;
  windows.forEach((window, i) => {
    const first = starts[i] as number;
    const at = 4 * first * channels;
    to.begin('causalConv', { scratchBytes: 16 * width });
    to.u32((y as Located).address + at, (x as Located).address + at, (w as Located).address, (bias as Located).address);
    to.u32(window.address, (starts[i + 1] as number) - first, channels, width);
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
    const [wide, narrow] = [4 * first * channels, 4 * first * count];
    to.begin('selectiveScan');
    to.u32((y as Located).address + wide, (x as Located).address + wide, (dt as Located).address + wide);
    to.u32((a as Located).address, (b as Located).address + narrow, (c as Located).address + narrow);
    to.u32((d as Located).address, state.address, (starts[i + 1] as number) - first, channels, count);
  });
};
