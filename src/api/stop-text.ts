/**
 * Watches a stream of text for the first of several stop texts, and holds back what may be the beginning of one. First is the one that
 * ends first, so that it does not matter in which pieces a text comes; of several that end together, the longest. Special tokens take part
 * by their names, which are not given out: a stop text may be one, or have one in it.
 */
import { quote, UsageError } from '../base/errors.ts';

export class StopText {
  readonly #stops: readonly string[];
  #held = '';
  /** Where in what is held names of special tokens stand, in order. */
  #hidden: { start: number; end: number }[] = [];
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

  /** Adds text, or with `hidden` the name of a special token; gives what is certainly before any stop text. */
  push(text: string, { hidden = false }: { readonly hidden?: boolean } = {}): string {
    if (this.#found || text === '') return '';
    if (hidden) this.#hidden.push({ start: this.#held.length, end: this.#held.length + text.length });
    this.#held += text;
    const matches = this.#stops
      .map((stop) => ({ start: this.#held.indexOf(stop), length: stop.length }))
      .filter(({ start }) => start >= 0)
      .sort((a, b) => a.start + a.length - b.start - b.length || a.start - b.start);
    if (matches[0]) {
      this.#found = true;
      return this.#release(matches[0].start);
    }
    const keep = Math.max(0, ...this.#stops.map((stop) => overlap(this.#held, stop)));
    return this.#release(this.#held.length - keep);
  }

  /** No more text comes: gives what was held back. */
  end(): string {
    return this.#found ? '' : this.#release(this.#held.length);
  }

  /** Takes the first `length` units away, and gives them without names of special tokens. */
  #release(length: number): string {
    let shown = '';
    let done = 0;
    for (const { start, end } of this.#hidden) {
      if (start >= length) break;
      shown += this.#held.slice(done, start);
      done = Math.min(end, length);
    }
    shown += this.#held.slice(done, length);
    this.#held = this.#held.slice(length);
    this.#hidden = this.#hidden
      .filter(({ end }) => end > length)
      .map(({ start, end }) => ({ start: Math.max(0, start - length), end: end - length }));
    return shown;
  }
}

/** Length of the longest end of `text` that begins `stop`. */
function overlap(text: string, stop: string): number {
  for (let n = Math.min(text.length, stop.length - 1); n > 0; n--) if (stop.startsWith(text.slice(-n))) return n;
  return 0;
}
