/** A text that a model writes on, with the states to go on from at any of its tokens. */
import type { Alternative, Model, PromptOptions, State } from '../../../src/web.ts';

/** A token of the text. */
export interface Token {
  readonly id: number;
  readonly text: string;
  /** Natural logarithm; null for the first token. */
  readonly logprob: number | null;
  readonly alternatives: readonly Alternative[];
}

export type WriteOptions = Pick<
  PromptOptions,
  'maxNewTokens' | 'temperature' | 'topK' | 'topP' | 'repetitionPenalty' | 'seed'
>;

interface Stoppable {
  readonly signal: AbortSignal;
}

/** After each token. */
export interface WriteStep {
  readonly token?: Token;
  /** Has the model ended the text? Told at the end. */
  readonly hasEnded?: boolean;
  /** Of all states of the model. */
  readonly stateBytes: number;
}

/** Alternatives that are told of each token. */
const ALTERNATIVES = 8;

/** Copies of a recurrent state, which cannot be rewound, that are kept for branching; the oldest are dropped. */
const MOST_COPIES = 512;

export class Branches {
  readonly #model: Model;
  #state: State | undefined;
  /** By the number of tokens that they have read. */
  #copies = new Map<number, State>();

  constructor(model: Model) {
    this.#model = model;
  }

  /** The tokens of a text with their probabilities. */
  async read(text: string, { signal }: Stoppable): Promise<readonly Token[]> {
    const ids = this.#model.encode(text);
    const { tokens } = await this.#model.score(ids, { alternatives: ALTERNATIVES, signal });
    return tokens.map((token) => ({ ...token, alternatives: token.alternatives ?? [] }));
  }

  /** Goes on after these tokens. What it has read or written before is not computed again. */
  async *write(ids: readonly number[], options: WriteOptions & Stoppable): AsyncGenerator<WriteStep> {
    const state = await this.#stateFor(ids);
    try {
      const all = { ...options, state, alternatives: ALTERNATIVES };
      const steps = this.#model.generate(ids.slice(state.length), all);
      for await (const { id, logprob = null, alternatives = [], finishReason } of steps) {
        if (id !== undefined && !state.rewindable) await this.#copy(state);
        const text = id === undefined ? '' : (this.#model.tokenizer?.piece(id) ?? `${id} `);
        yield {
          ...(id === undefined ? {} : { token: { id, text, logprob, alternatives } }),
          ...(finishReason ? { hasEnded: finishReason === 'stop' } : {}),
          stateBytes: this.#model.stateMemory.usedBytes,
        };
      }
    } finally {
      if (!state.intact) {
        state.dispose();
        this.#state = undefined;
      }
    }
  }

  dispose(): void {
    this.#state?.dispose();
    for (const copy of this.#copies.values()) copy.dispose();
    this.#copies.clear();
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
