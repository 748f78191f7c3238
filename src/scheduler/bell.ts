/** Lets a loop sleep until something happens. */
import { resolvable } from './entry.ts';

export class Bell {
  #wake: (() => void) | undefined;

  /** Wakes who sleeps; nothing when nobody does. */
  ring(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  heard(): Promise<void> {
    const { promise, resolve } = resolvable();
    this.#wake = resolve;
    return promise;
  }
}
