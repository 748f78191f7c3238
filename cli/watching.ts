/** `--check` and `--profile`: observe the forward passes of a command. */
import type { Command } from 'commander';
import { type Model, PRETRAINED_OPTIONS, type ProfileRow } from '../src/node.ts';
import { libraryOptions } from './library-options.ts';
import { columns } from './output.ts';

export const watchOptions = (command: Command): Command =>
  libraryOptions(command, PRETRAINED_OPTIONS, {
    check: '--check',
    profile: ['--profile', undefined, 'prints a table to stderr at the end'],
  });

/** Prints the table of a model that was loaded with `profile`; nothing otherwise. */
export function printProfile({ profile }: Model): void {
  if (profile.length > 0) process.stderr.write(profileSheet(profile));
}

/**
 * The table: sites are summed over blocks. Shares are of the time of all ops; bytes are those of weights, states and activations that an op
 * reads and writes.
 */
export function profileSheet(profile: readonly ProfileRow[]): string {
  const total = profile.reduce((sum, { ms }) => sum + ms, 0);
  const rows = profile.map(({ op, site, calls, ms, bytes }) => [
    op,
    site,
    calls,
    ms.toFixed(2),
    `${((100 * ms) / total).toFixed(1)} %`,
    (bytes / ms / 1e6).toFixed(2),
  ]);
  return columns([['op', 'site', 'calls', 'ms', 'share', 'GB/s'], ...rows, ['all', '', '', total.toFixed(2)]]);
}
