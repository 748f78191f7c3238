/** All tokens of a vocabulary by their bytes, as a tree in arrays: what begins alike is looked at once. */
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Automaton, AutomatonState } from './automaton.ts';

/** Nodes in the order of a walk: node i has the byte bytes[i]; its subtree ends before ends[i]. */
export class TokenTrie {
  /** Words of a set of all ids. */
  readonly words: number;
  readonly #bytes: Uint8Array;
  readonly #depths: Uint16Array;
  readonly #ends: Uint32Array;
  /** The ids of node i are ids[from[i] .. from[i + 1]]. */
  readonly #from: Uint32Array;
  readonly #ids: Uint32Array;

  constructor(tokenizer: Tokenizer) {
    const tokens: { readonly id: number; readonly bytes: Uint8Array }[] = [];
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      const bytes = tokenizer.bytes(id);
      if (bytes && bytes.length > 0) tokens.push({ id, bytes });
    }
    tokens.sort((a, b) => compare(a.bytes, b.bytes) || a.id - b.id);
    this.words = (tokenizer.vocabSize + 31) >>> 5;
    const bytes: number[] = [];
    const depths: number[] = [];
    const ends: number[] = [];
    const from: number[] = [];
    const path: number[] = []; // nodes from the root to the last one
    let last: Uint8Array = new Uint8Array();
    tokens.forEach((token, i) => {
      let common = 0;
      while (common < last.length && common < token.bytes.length && last[common] === token.bytes[common]) common++;
      while (path.length > common) ends[path.pop() as number] = bytes.length;
      for (let d = common; d < token.bytes.length; d++) {
        path.push(bytes.length);
        from.push(i);
        depths.push(d);
        bytes.push(token.bytes[d] as number);
      }
      last = token.bytes;
    });
    for (const node of path) ends[node] = bytes.length;
    this.#bytes = Uint8Array.from(bytes);
    this.#depths = Uint16Array.from(depths);
    this.#ends = Uint32Array.from(ends);
    this.#ids = Uint32Array.from(tokens, ({ id }) => id);
    this.#from = this.#idsOfNodes(from, tokens);
  }

  /** A node made for token i on the way has no ids, unless it is the last of the token's bytes. */
  #idsOfNodes(first: readonly number[], tokens: readonly { readonly bytes: Uint8Array }[]): Uint32Array {
    const from = new Uint32Array(first.length + 1);
    let done = 0;
    for (let node = 0; node < first.length; node++) {
      from[node] = done;
      const depth = (this.#depths[node] as number) + 1;
      const end = this.#ends[node] as number;
      const upTo = end < first.length ? (first[end] as number) : tokens.length;
      while (done < upTo && done >= (first[node] as number) && tokens[done]?.bytes.length === depth) done++;
    }
    from[first.length] = done;
    return from;
  }

  /** The ids of all tokens that may be read from a state, as a set of bits. */
  allowed(automaton: Automaton, start: AutomatonState): Uint32Array {
    const set = new Uint32Array(this.words);
    const states: AutomatonState[] = [start];
    for (let node = 0; node < this.#bytes.length; ) {
      const depth = this.#depths[node] as number;
      const before = states[depth] as AutomatonState;
      const byte = this.#bytes[node] as number;
      const known = before.steps[byte];
      const state = known === undefined ? automaton.step(before, byte) : known;
      if (!state) {
        node = this.#ends[node] as number;
        continue;
      }
      states[depth + 1] = state;
      for (let i = this.#from[node] as number; i < (this.#from[node + 1] as number); i++) {
        const id = this.#ids[i] as number;
        set[id >>> 5] = ((set[id >>> 5] as number) | (1 << (id & 31))) >>> 0;
      }
      node++;
    }
    return set;
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  return a.length - b.length;
}

const tries = new WeakMap<Tokenizer, TokenTrie>();

/** Made once for each tokenizer. */
export function trieOf(tokenizer: Tokenizer): TokenTrie {
  let trie = tries.get(tokenizer);
  if (!trie) tries.set(tokenizer, (trie = new TokenTrie(tokenizer)));
  return trie;
}
