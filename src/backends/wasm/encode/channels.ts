/** How ops on channels are cut into pieces of work. */
import type { CommandWriter } from '../command.ts';
import type { Run } from '../packed.ts';

/**
 * Channels of one piece of work: whole cache lines. With many tokens, four lines of each row; with few, larger pieces, of all sequences, because one line
 * would take only a microsecond, but several pieces for each thread.
 */
export function pieceOf(to: CommandWriter, { tokens }: Run, channels: number): number {
  if (tokens >= 4) return 64;
  const fair = Math.ceil(channels / (4 * to.parts) / 16) * 16;
  return Math.max(16, Math.min(128, fair));
}
