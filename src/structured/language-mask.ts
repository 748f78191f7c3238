/** A mask that lets a sequence be a text of a language and nothing else. */
import { UsageError } from '../base/errors.ts';
import type { SequenceMask, TokenMask } from '../sampler/mask.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { Automaton, type AutomatonState } from './automaton.ts';
import type { Expression } from './expression.ts';
import { type TokenTrie, trieOf } from './token-trie.ts';

/** Sets that are kept, each of an eighth of a byte per token. */
const MAX_SETS = 2000;

export class LanguageMask implements TokenMask {
  readonly #tokenizer: Tokenizer;
  readonly #automaton: Automaton;
  readonly #trie: TokenTrie;
  #sets = new Map<AutomatonState, Uint32Array>();

  constructor(tokenizer: Tokenizer, language: Expression) {
    this.#tokenizer = tokenizer;
    this.#automaton = new Automaton(language);
    this.#trie = trieOf(tokenizer);
  }

  begin(endIds: ReadonlySet<number>): SequenceMask {
    this.#automaton.trim();
    return new LanguageSequence(this.#automaton, (state) => this.#setOf(state), this.#tokenizer, endIds);
  }

  #setOf(state: AutomatonState): Uint32Array {
    let set = this.#sets.get(state);
    if (!set) {
      if (this.#sets.size >= MAX_SETS) this.#sets = new Map();
      set = this.#trie.allowed(this.#automaton, state);
      this.#sets.set(state, set);
    }
    return set;
  }
}

class LanguageSequence implements SequenceMask {
  readonly #automaton: Automaton;
  readonly #setOf: (state: AutomatonState) => Uint32Array;
  readonly #tokenizer: Tokenizer;
  readonly #endIds: ReadonlySet<number>;
  #state: AutomatonState;

  constructor(
    automaton: Automaton,
    setOf: (state: AutomatonState) => Uint32Array,
    tokenizer: Tokenizer,
    endIds: ReadonlySet<number>,
  ) {
    this.#automaton = automaton;
    this.#setOf = setOf;
    this.#tokenizer = tokenizer;
    this.#endIds = endIds;
    this.#state = automaton.start();
  }

  get complete(): boolean {
    return this.#state.accepts && this.#state.isLast;
  }

  allowed(): Uint32Array {
    const set = this.#setOf(this.#state);
    if (!this.#state.accepts) return set;
    const most = Math.max(0, ...this.#endIds);
    const withEnds = new Uint32Array(Math.max(set.length, (most >>> 5) + 1));
    withEnds.set(set);
    for (const id of this.#endIds) withEnds[id >>> 5] = ((withEnds[id >>> 5] as number) | (1 << (id & 31))) >>> 0;
    return withEnds;
  }

  accept(id: number): void {
    if (this.#endIds.has(id)) return;
    for (const byte of this.#tokenizer.bytes(id) ?? []) {
      const next = this.#automaton.step(this.#state, byte);
      if (!next) throw new UsageError(`token ${id} is not what the wanted form allows here.`);
      this.#state = next;
    }
  }
}
