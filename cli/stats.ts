/** Speed and memory of one run. */
import { columns, megabytes } from './output.ts';

export interface RunStats {
  readonly loadMs: number;
  readonly promptTokens: number;
  /** Tokens that a saved state had read. */
  readonly cachedTokens: number;
  readonly newTokens: number;
  /** Null when no token was generated. */
  readonly prefillTokensPerSecond: number | null;
  /** Null when there was only one new token, since the first belongs to the prefill. */
  readonly decodeTokensPerSecond: number | null;
  /** Peak memory of the process so far, including weights. */
  readonly peakBytes: number;
}

/** Measures a generation: call `token` for each new token. */
export function stopwatch() {
  const begin = performance.now();
  let tokens = 0;
  let firstMs = 0;
  let lastMs = 0;
  return {
    token() {
      lastMs = performance.now() - begin;
      if (tokens++ === 0) firstMs = lastMs;
    },
    stats(loadMs: number, promptTokens: number, cachedTokens: number): RunStats {
      return {
        loadMs: Math.round(loadMs),
        promptTokens,
        cachedTokens,
        newTokens: tokens,
        prefillTokensPerSecond: rate(promptTokens - cachedTokens, firstMs),
        decodeTokensPerSecond: rate(tokens - 1, lastMs - firstMs),
        peakBytes: process.resourceUsage().maxRSS * 1024,
      };
    },
  };
}

function rate(tokens: number, elapsedMs: number): number | null {
  return tokens > 0 && elapsedMs > 0 ? Number(((1000 * tokens) / elapsedMs).toPrecision(4)) : null;
}

/** `seed`: text on a seed that was chosen at random. */
export function statsSheet(stats: RunStats, seed?: string): string {
  const speed = (tokens: number, perSecond: number | null) =>
    `${tokens} ${tokens === 1 ? 'token' : 'tokens'}, ${perSecond ?? '-'} tokens/s`;
  return columns([
    ['load', `${(stats.loadMs / 1000).toFixed(2)} s`],
    ['prefill', speed(stats.promptTokens - stats.cachedTokens, stats.prefillTokensPerSecond)],
    ...(stats.cachedTokens > 0 ? [['not read', `${stats.cachedTokens} more, which the state knew`]] : []),
    ['decode', speed(stats.newTokens, stats.decodeTokensPerSecond)],
    ['peak memory', megabytes(stats.peakBytes)],
    ...(seed === undefined ? [] : [['seed', seed]]),
  ]);
}
