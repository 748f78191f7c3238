/** All tokens of a vocabulary by their bytes, as a tree in arrays: what begins alike is looked at once. */
import { pause } from '../base/pause.ts';
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

  private constructor(words: number, tokens: readonly Token[], nodes: Nodes, from: Uint32Array) {
    this.words = words;
    this.#bytes = Uint8Array.from(nodes.bytes);
    this.#depths = Uint16Array.from(nodes.depths);
    this.#ends = Uint32Array.from(nodes.ends);
    this.#ids = Uint32Array.from(tokens, ({ id }) => id);
    this.#from = from;
  }

  /** Makes one in slices of a few milliseconds: all tokens of a large vocabulary take half a second. */
  static *making(tokenizer: Tokenizer): Generator<void, TokenTrie, void> {
    const tokens = yield* sortedTokens(tokenizer);
    const nodes: Nodes = { bytes: [], depths: [], ends: [], first: [] };
    const { bytes, depths, ends, first } = nodes;
    const path: number[] = []; // nodes from the root to the last one
    let last: Uint8Array = new Uint8Array();
    for (const [i, token] of tokens.entries()) {
      let common = 0;
      while (common < last.length && common < token.bytes.length && last[common] === token.bytes[common]) common++;
      while (path.length > common) ends[path.pop() as number] = bytes.length;
      for (let d = common; d < token.bytes.length; d++) {
        path.push(bytes.length);
        first.push(i);
        depths.push(d);
        bytes.push(token.bytes[d] as number);
      }
      last = token.bytes;
      if (i % SLICE === 0) yield;
    }
    for (const node of path) ends[node] = bytes.length;
    yield;
    return new TokenTrie((tokenizer.vocabSize + 31) >>> 5, tokens, nodes, yield* idsOfNodes(nodes, tokens));
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

/** Node i has the byte bytes[i] at depths[i], its subtree ends before ends[i], and it was made for token first[i]. */
interface Nodes {
  readonly bytes: number[];
  readonly depths: number[];
  readonly ends: number[];
  readonly first: number[];
}

/** A node made for token i on the way has no ids, unless it is the last of the token's bytes. */
function* idsOfNodes({ depths, ends, first }: Nodes, tokens: readonly Token[]): Generator<void, Uint32Array, void> {
  const from = new Uint32Array(first.length + 1);
  let done = 0;
  for (let node = 0; node < first.length; node++) {
    from[node] = done;
    const depth = (depths[node] as number) + 1;
    const end = ends[node] as number;
    const upTo = end < first.length ? (first[end] as number) : tokens.length;
    while (done < upTo && done >= (first[node] as number) && tokens[done]?.bytes.length === depth) done++;
    if (node % (8 * SLICE) === 0) yield;
  }
  from[first.length] = done;
  return from;
}

interface Token {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** Tokens that are looked at in one go. */
const SLICE = 1000;

/** By their bytes: those that begin with the same two are sorted together. */
function* sortedTokens(tokenizer: Tokenizer): Generator<void, readonly Token[], void> {
  const groups = new Map<number, Token[]>();
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const bytes = tokenizer.bytes(id);
    if (bytes && bytes.length > 0) {
      const key = ((bytes[0] as number) << 9) | (bytes.length > 1 ? 256 + (bytes[1] as number) : 0);
      const group = groups.get(key);
      if (group) group.push({ id, bytes });
      else groups.set(key, [{ id, bytes }]);
    }
    if (id % SLICE === 0) yield;
  }
  const tokens: Token[] = [];
  let sliced = 0;
  for (const key of [...groups.keys()].sort((a, b) => a - b)) {
    for (const token of (groups.get(key) as Token[]).sort((a, b) => compare(a.bytes, b.bytes) || a.id - b.id))
      tokens.push(token);
    if (tokens.length - sliced < SLICE) continue;
    sliced = tokens.length;
    yield;
  }
  return tokens;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  return a.length - b.length;
}

const tries = new WeakMap<Tokenizer, TokenTrie>();
const unfinished = new WeakMap<Tokenizer, Generator<void, TokenTrie, void>>();

/** Made once for each tokenizer; what `prepareTrie` has done of it already is used. */
export function trieOf(tokenizer: Tokenizer): TokenTrie {
  for (;;) {
    const trie = makeFurther(tokenizer);
    if (trie) return trie;
  }
}

/** Makes the trie of a tokenizer in slices, between which all else runs. */
export async function prepareTrie(tokenizer: Tokenizer): Promise<void> {
  while (!makeFurther(tokenizer)) await pause();
}

function makeFurther(tokenizer: Tokenizer): TokenTrie | undefined {
  const known = tries.get(tokenizer);
  if (known) return known;
  const making = unfinished.get(tokenizer) ?? TokenTrie.making(tokenizer);
  unfinished.set(tokenizer, making);
  const { done, value } = making.next();
  if (!done) return undefined;
  tries.set(tokenizer, value);
  unfinished.delete(tokenizer);
  return value;
}
