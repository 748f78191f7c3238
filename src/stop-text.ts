/**
 * Watches a stream of text for the first of several stop texts, and holds back what may be the beginning of one. First is the one that
 * ends first, so that it does not matter in which pieces a text comes; of several that end together, the longest.
 */
import { quote, UsageError } from './errors.ts';

export class StopText {
  readonly #stops: readonly string[];
  #held = '';
  #found = false;

  /** Throws UsageError on an empty stop text, which would end everything at once. */
  constructor(stops: readonly string[]) {
    const odd = stops.find((stop) => typeof stop !== 'string');
    if (odd !== undefined) throw new UsageError(`a stop text came as ${quote(odd)}, wanted a text.`);
    if (stops.includes('')) throw new UsageError('a stop text is empty; give at least one character.');
    this.#stops = stops;
  }

  /** A stop text has come; nothing after it is given out. */
  get found(): boolean {
    return this.#found;
  }

  /** Adds text; gives what is certainly before any stop text. */
  push(text: string): string {
    if (this.#found) return '';
    this.#held += text;
    const matches = this.#stops
      .map((stop) => ({ start: this.#held.indexOf(stop), length: stop.length }))
      .filter(({ start }) => start >= 0)
      .sort((a, b) => a.start + a.length - b.start - b.length || a.start - b.start);
    if (matches[0]) {
      this.#found = true;
      return this.#held.slice(0, matches[0].start);
    }
    const keep = Math.max(0, ...this.#stops.map((stop) => overlap(this.#held, stop)));
    const free = this.#held.slice(0, this.#held.length - keep);
    this.#held = this.#held.slice(this.#held.length - keep);
    return free;
  }

  /** No more text comes: gives what was held back. */
  end(): string {
    return this.#found ? '' : this.#held;
  }
}

/** Length of the longest end of `text` that begins `stop`. */
function overlap(text: string, stop: string): number {
  for (let n = Math.min(text.length, stop.length - 1); n > 0; n--) if (stop.startsWith(text.slice(-n))) return n;
  return 0;
}
