/** See ops/backward/selective-scan-backward.ts. */
import { SCAN_CHANNELS, scanParts } from '../../../../base/scan-parts.ts';
import type { Encoder, Located } from '../../command.ts';

/** Tokens of a chunk, as in assembly/backward/scan-chunk.ts; so many channels as there are computed together. */
const CHUNK = 32;

export const selectiveScanBackward: Encoder<{ starts: readonly number[] }> = (to, inputs, outputs, { starts }) => {
  const [channels = 0, count = 0] = (inputs[2] as Located).shape;
  const [dx, ddt, db, dc] = outputs as [Located, Located, Located, Located];
  const tokens = starts.at(-1) as number;
  const n = Math.ceil(count / 4) * 4;
  const parts = scanParts(channels);
  const [sumsB, sumsC] = [db, dc].map(() => to.temp(Math.max(4, 4 * parts * tokens * n))) as [number, number];
  to.begin('selectiveScanBackward', { scratchBytes: scratchBytes(n, starts) });
  to.u32(dx.address, ddt.address, sumsB, sumsC, ...inputs.map(({ address }) => address));
  to.u32(tokens, channels, count, parts, starts.length - 1, ...starts);
  for (const [y, sums] of [
    [db, sumsB],
    [dc, sumsC],
  ] as const) {
    to.begin('sumParts', { after: y === db });
    to.u32(y.address, sums, tokens, count, parts);
  }
};

/** For n states of a channel: three vectors of states and sums, those of a chunk, and states at the borders of the chunks of the longest sequence. */
function scratchBytes(n: number, starts: readonly number[]): number {
  const longest = starts.slice(1).reduce((most, end, i) => Math.max(most, end - (starts[i] as number)), 0);
  const row = 4 * SCAN_CHANNELS;
  const chunk = 32 * CHUNK * (n + 2) + 32 + 8 * CHUNK * n + 7 * CHUNK * row + row;
  return (3 + Math.max(1, Math.ceil(longest / CHUNK))) * n * row + chunk;
}
