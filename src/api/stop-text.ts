/**
 * Finds the first of several stop texts in a stream of text, and holds back what may be the beginning of one. The first is the one that
 * ends first, so that it does not matter how the text is divided; of several that end together, the longest. Special tokens are matched by
 * their names, but the names are not part of the output: a stop text may be such a name, or contain one.
 */
import { quote, UsageError } from '../base/errors.ts';

export class StopText {
  readonly #stops: readonly string[];
  #held = '';
  /** Ranges of special tokens' names in the held text, in order. */
  #hidden: { start: number; end: number }[] = [];
  #found = false;

  /** Throws UsageError on an empty stop text, which would match at once. */
  constructor(stops: readonly string[]) {
    const odd = stops.find((stop) => typeof stop !== 'string');
    if (odd !== undefined) throw new UsageError(`a stop text came as ${quote(odd)}, wanted a text.`);
    if (stops.includes('')) throw new UsageError('a stop text is empty; give at least one character.');
    this.#stops = stops;
  }

  /** Was a stop text found? Nothing after it is returned. */
  get found(): boolean {
    return this.#found;
  }

  /** Adds text, or with `hidden` the name of a special token. Returns the text that is certainly before any stop text. */
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

  /** Marks the end of the text; returns what was held back. */
  end(): string {
    return this.#found ? '' : this.#release(this.#held.length);
  }

  /** Removes the first `length` code units and returns them without names of special tokens. */
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

/** Length of the longest suffix of `text` that is a prefix of `stop`. */
function overlap(text: string, stop: string): number {
  for (let n = Math.min(text.length, stop.length - 1); n > 0; n--) if (stop.startsWith(text.slice(-n))) return n;
  return 0;
}
