/** A mask that lets a sequence be a text of a language and nothing else. */
import { UsageError } from '../base/errors.ts';
import type { SequenceMask, TokenMask } from '../sampler/mask.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { Automaton, type AutomatonState } from './automaton.ts';
import type { Expression } from './expression.ts';
import { type TokenTrie, trieOf } from './token-trie.ts';

/** Sets of ids that are kept take so many bytes at most. */
const MAX_SET_BYTES = 8e6;

export class LanguageMask implements TokenMask {
  readonly #tokenizer: Tokenizer;
  readonly #automaton: Automaton;
  readonly #trie: TokenTrie;
  /** By the ids that end a sequence, which are in the sets of states that accept. */
  #sets = new Map<string, Map<AutomatonState, Uint32Array>>();
  #bytes = 0;

  /** Throws UsageError when no text is of the language. */
  constructor(tokenizer: Tokenizer, language: Expression) {
    this.#tokenizer = tokenizer;
    this.#automaton = new Automaton(language);
    this.#trie = trieOf(tokenizer);
  }

  begin(endIds: ReadonlySet<number>): SequenceMask {
    const key = [...endIds].join();
    return new LanguageSequence(this.#automaton, (state) => this.#setOf(state, endIds, key), this.#tokenizer, endIds);
  }

  /** The ids that may come next. */
  #setOf(state: AutomatonState, endIds: ReadonlySet<number>, key: string): Uint32Array {
    const known = this.#sets.get(key)?.get(state);
    if (known) return known;
    const set = this.#trie.allowed(this.#automaton, state);
    const found = state.accepts ? withEnds(set, endIds) : set;
    this.#bytes += found.byteLength;
    if (this.#bytes > MAX_SET_BYTES) {
      this.#sets = new Map();
      this.#bytes = found.byteLength;
    }
    const sets = this.#sets.get(key) ?? new Map<AutomatonState, Uint32Array>();
    this.#sets.set(key, sets.set(state, found));
    return found;
  }
}

function withEnds(set: Uint32Array, endIds: ReadonlySet<number>): Uint32Array {
  const most = Math.max(0, ...endIds);
  const found = new Uint32Array(Math.max(set.length, (most >>> 5) + 1));
  found.set(set);
  for (const id of endIds) found[id >>> 5] = ((found[id >>> 5] as number) | (1 << (id & 31))) >>> 0;
  return found;
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
    automaton.begin();
    this.#state = automaton.start();
  }

  get complete(): boolean {
    return this.#state.accepts && this.#state.isLast;
  }

  allowed(): Uint32Array {
    this.#automaton.begin();
    return this.#setOf(this.#state);
  }

  accept(id: number): void {
    if (this.#endIds.has(id)) return;
    this.#automaton.begin();
    for (const byte of this.#tokenizer.bytes(id) ?? []) {
      const next = this.#automaton.step(this.#state, byte);
      if (!next) throw new UsageError(`token ${id} is not what the wanted form allows here.`);
      this.#state = next;
    }
  }
}
