/** The steps of one request, from the scheduler to its reader. A slow reader delays nobody: steps wait here for it, as many as may. */
import type { GenerationStep } from '../api/generation-options.ts';

interface Waiter {
  readonly resolve: (result: IteratorResult<GenerationStep, void>) => void;
  readonly reject: (error: unknown) => void;
}

export class StepStream implements AsyncGenerator<GenerationStep, void, undefined> {
  readonly #leave: () => Promise<void>;
  readonly #maxUnread: number;
  readonly #onRoom: () => void;
  readonly #steps: GenerationStep[] = [];
  readonly #waiters: Waiter[] = [];
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  /** `leave`: called when the reader wants no more; resolves when nothing is held for it. `onRoom`: there is room again. */
  constructor(
    leave: () => Promise<void>,
    { maxUnread, onRoom }: { readonly maxUnread: number; readonly onRoom: () => void },
  ) {
    this.#leave = leave;
    this.#maxUnread = maxUnread;
    this.#onRoom = onRoom;
  }

  /** Do as many steps wait as may? Then no further ones are to be made. */
  get isFull(): boolean {
    return this.#steps.length >= this.#maxUnread;
  }

  push(step: GenerationStep): void {
    if (this.#ended) return;
    const waiter = this.#waiters.shift();
    if (waiter) waiter.resolve({ done: false, value: step });
    else this.#steps.push(step);
  }

  end(): void {
    this.#ended = true;
    for (const { resolve } of this.#waiters.splice(0)) resolve({ done: true, value: undefined });
  }

  /** Steps that were not taken yet are still given before the error, unless `atOnce`. */
  fail(error: unknown, { atOnce = false }: { readonly atOnce?: boolean } = {}): void {
    if (this.#ended) return;
    this.#ended = true;
    if (atOnce) this.#steps.length = 0;
    const [first, ...others] = this.#waiters.splice(0);
    if (first) first.reject(error);
    else this.#failure = { error };
    for (const { resolve } of others) resolve({ done: true, value: undefined });
  }

  async next(): Promise<IteratorResult<GenerationStep, void>> {
    const wasFull = this.isFull;
    const step = this.#steps.shift();
    if (wasFull) this.#onRoom();
    if (step) return { done: false, value: step };
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure.error;
    if (this.#ended) return { done: true, value: undefined };
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  async return(): Promise<IteratorResult<GenerationStep, void>> {
    this.#failure = undefined;
    this.#steps.length = 0;
    this.end();
    await this.#leave();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<GenerationStep, void>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
