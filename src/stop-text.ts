/** Watches a stream of text for the first of several stop texts, and holds back what may be the beginning of one. */
import { UsageError } from './errors.ts';

export class StopText {
  readonly #stops: readonly string[];
  #held = '';
  #found = false;

  /** Throws UsageError on an empty stop text, which would end everything at once. */
  constructor(stops: readonly string[]) {
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
    const at = Math.min(...this.#stops.map((stop) => this.#held.indexOf(stop)).filter((i) => i >= 0));
    if (at !== Number.POSITIVE_INFINITY) {
      this.#found = true;
      return this.#held.slice(0, at);
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
