/** The ops of a pass, in order, with their sites: an op belongs to the site that is shown next after it. */

export interface Entry {
  readonly op: string;
  site: string | undefined;
}

export class PassLog<E extends Entry> {
  /** Empty outside of passes. */
  readonly entries: E[] = [];
  #open = 0;
  #running = false;

  /** Is a pass running? Ops also run while weights are loaded and states are copied. */
  get running(): boolean {
    return this.#running;
  }

  reached(site: string): void {
    for (const entry of this.entries.slice(this.#open)) entry.site = site;
    this.#open = this.entries.length;
  }

  /** Runs one pass and, if it succeeds, `atEnd`. */
  async pass<R>(body: () => Promise<R>, atEnd: () => void | Promise<void>): Promise<R> {
    this.#running = true;
    try {
      const result = await body();
      await atEnd();
      return result;
    } finally {
      this.#running = false;
      this.entries.length = 0;
      this.#open = 0;
    }
  }
}
