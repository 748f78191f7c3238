/** When a request is made again, and after which wait: in Node and in browsers alike. */
import { kinds, type OptionsOf, option } from '../options/option.ts';

export const RETRY_OPTIONS = {
  /** Retries after failures without any progress; default 5. */
  retries: option(kinds.fromZero, 'tries after failures that brought nothing', 5),
  /** Time without data after which a connection is closed, in ms; default 30000. The rest is requested again. */
  stallMs: option(kinds.amount, 'silence that ends a connection, in ms', 30_000),
  /** Wait before the first retry, in ms; doubled for each further one; default 500. */
  backoffMs: option(kinds.amount, 'wait before the second try, in ms, doubled from then on', 500),
};

export interface RetryOptions extends OptionsOf<typeof RETRY_OPTIONS> {}

const MAX_BACKOFF_MS = 10_000;
/** However long a server asks to wait. */
const MAX_ASKED_MS = 60_000;
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** May the same request succeed later? */
export const isPassing = (status: number): boolean => PASSING.has(status);

/** Milliseconds to wait after so many failures; in part random, so that those who failed together do not come back together. */
export const waitAfter = (failures: number, backoffMs: number, askedMs = 0): number =>
  Math.max(
    Math.min(backoffMs * 2 ** (failures - 1), MAX_BACKOFF_MS) * (0.5 + Math.random() / 2),
    Math.min(askedMs, MAX_ASKED_MS),
  );

/** Milliseconds that a `Retry-After` asks for, in seconds or as a date; 0 without one. */
export function retryAfterMs(text: string | null): number {
  if (text === null) return 0;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
