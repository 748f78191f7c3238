/** See ops/backward/causal-conv-backward.ts. */
import type { Encoder, Located } from '../../command.ts';

export const causalConvBackward: Encoder<{ starts: readonly number[] }> = (to, inputs, [dx], { starts }) => {
  const [channels = 0, width = 0] = (inputs[1] as Located).shape;
  const piece = pieceOf(channels, to.parts);
  to.begin('causalConvBackward', { scratchBytes: 4 * piece * (4 * width + 1) });
  to.u32((dx as Located).address, ...inputs.map(({ address }) => address), channels, width, piece);
  to.u32(starts.length - 1, ...starts);
};

/** Channels of a piece: whole cache lines, four of a row, or fewer where there are many threads. */
const pieceOf = (channels: number, parts: number) => Math.max(16, Math.min(64, Math.floor(channels / parts / 16) * 16));
