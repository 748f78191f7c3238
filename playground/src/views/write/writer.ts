/** A text that a model writes on: its tokens, and the states to go on from at any of them. */
import { signal } from '@preact/signals';
import type { Alternative, Model, PromptOptions, State } from '../../../../src/web.ts';

export interface Written {
  readonly id: number;
  readonly text: string;
  /** Natural logarithm; null for the first token. */
  readonly logprob: number | null;
  readonly alternatives: readonly Alternative[];
  /** Did the visitor give it, or the model? */
  readonly by: 'prompt' | 'model' | 'branch';
}

export type WriteOptions = Pick<
  PromptOptions,
  'maxNewTokens' | 'temperature' | 'topK' | 'topP' | 'repetitionPenalty' | 'seed' | 'interventions'
>;

/** Alternatives that are told of each token. */
export const ALTERNATIVES = 8;

/** Copies of a recurrent state, which cannot be rewound, that are kept for branching; the oldest are dropped. */
const MOST_COPIES = 512;

export class Writer {
  readonly tokens = signal<readonly Written[]>([]);
  readonly busy = signal(false);
  readonly error = signal<Error | undefined>(undefined);
  readonly ended = signal(false);
  readonly tokensPerSecond = signal<number | undefined>(undefined);
  readonly canUndo = signal(false);
  readonly #model: Model;
  #before: (readonly Written[])[] = [];
  #state: State | undefined;
  /** By the number of tokens that they have read. */
  #copies = new Map<number, State>();
  #running = new AbortController();
  #work: Promise<void> = Promise.resolve();

  constructor(model: Model) {
    this.#model = model;
  }

  /** A new text: its tokens with their probabilities. */
  start(text: string): Promise<void> {
    return this.#run(async (signal) => {
      const ids = this.#model.encode(text);
      const { tokens } = await this.#model.score(ids, { alternatives: ALTERNATIVES, signal });
      this.#keep();
      this.ended.value = false;
      this.tokens.value = tokens.map((token) => ({ ...token, alternatives: token.alternatives ?? [], by: 'prompt' }));
    });
  }

  /** Goes on. */
  continue(options: WriteOptions): Promise<void> {
    return this.#run(async (signal) => {
      this.#keep();
      await this.#generate(options, signal);
    });
  }

  /** Puts one of its alternatives in the place of a token, and goes on from there; what came before is not computed again. */
  branch(at: number, { id, text, logprob }: Alternative, options: WriteOptions): Promise<void> {
    return this.#run(async (signal) => {
      this.#keep();
      const { alternatives = [] } = this.tokens.value[at] ?? {};
      this.tokens.value = [...this.tokens.value.slice(0, at), { id, text, logprob, alternatives, by: 'branch' }];
      await this.#generate(options, signal);
    });
  }

  stop(): void {
    this.#running.abort();
  }

  undo(): void {
    const before = this.#before.pop();
    if (!before) return;
    this.stop();
    this.tokens.value = before;
    this.ended.value = false;
    this.canUndo.value = this.#before.length > 0;
  }

  async dispose(): Promise<void> {
    this.stop();
    await this.#work;
    this.#state?.dispose();
    for (const copy of this.#copies.values()) copy.dispose();
    this.#copies.clear();
  }

  #keep(): void {
    this.#before = [...this.#before.slice(-49), this.tokens.value];
    this.canUndo.value = this.tokens.value.length > 0;
  }

  /** One after another: what runs is stopped first. */
  #run(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#running.abort();
    const running = new AbortController();
    this.#running = running;
    this.#work = this.#work.then(async () => {
      if (running.signal.aborted) return;
      this.busy.value = true;
      this.error.value = undefined;
      try {
        await work(running.signal);
      } catch (error) {
        if (!running.signal.aborted) this.error.value = error as Error;
      } finally {
        this.busy.value = false;
      }
    });
    return this.#work;
  }

  async #generate(options: WriteOptions, signal: AbortSignal): Promise<void> {
    const ids = this.tokens.value.map(({ id }) => id);
    const state = await this.#stateFor(ids);
    const began = performance.now();
    let count = 0;
    try {
      const steps = this.#model.generate(ids.slice(state.length), {
        ...options,
        state,
        signal,
        alternatives: ALTERNATIVES,
      });
      for await (const { id, logprob = null, alternatives = [], finishReason } of steps) {
        if (finishReason) this.ended.value = finishReason === 'stop';
        if (id === undefined || signal.aborted) continue;
        const text = this.#model.tokenizer?.piece(id) ?? `${id} `;
        this.tokens.value = [...this.tokens.value, { id, text, logprob, alternatives, by: 'model' }];
        count++;
        this.tokensPerSecond.value = (1000 * count) / (performance.now() - began);
        if (!state.rewindable) await this.#copy(state);
        if (count % 4 === 0) await frame();
      }
    } finally {
      if (!state.intact) {
        state.dispose();
        this.#state = undefined;
      }
    }
  }

  /** A state that has read as much as is known of `ids`, but for the last. */
  async #stateFor(ids: readonly number[]): Promise<State> {
    const have = this.#state;
    if (have?.intact) {
      let common = 0;
      while (common < have.length && common < ids.length - 1 && have.ids[common] === ids[common]) common++;
      if (common === have.length) return have;
      if (have.rewindable) {
        await have.rewind(common);
        return have;
      }
      const lengths = [...this.#copies.keys()].filter((length) => length <= common);
      const copy = this.#copies.get(Math.max(0, ...lengths));
      for (const [length, old] of this.#copies) {
        if (length <= common) continue;
        old.dispose();
        this.#copies.delete(length);
      }
      have.dispose();
      this.#state = copy ? await copy.clone() : this.#model.newState();
      return this.#state;
    }
    this.#state = this.#model.newState();
    return this.#state;
  }

  async #copy(state: State): Promise<void> {
    if (this.#copies.has(state.length)) return;
    this.#copies.set(state.length, await state.clone());
    const [oldest] = this.#copies.keys();
    if (this.#copies.size <= MOST_COPIES || oldest === undefined) return;
    this.#copies.get(oldest)?.dispose();
    this.#copies.delete(oldest);
  }
}

/** Lets the page be drawn: on one thread it computes the tokens, too. */
const frame = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
