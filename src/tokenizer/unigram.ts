/**
 * The Unigram model of sentencepiece (arXiv 1808.06226): of all segmentations of a text into tokens, the one with the largest sum of scores
 * (log-probabilities); of equals, the first one found (models/unigram/model.rs of huggingface/tokenizers).
 */
import { byteFallback } from './byte-tokens.ts';
import { at, flagAt, isAbsent, listAt, objectAt, type Place, textAt, wrong } from './json.ts';
import type { TokenModel } from './model.ts';

/** The score of an unknown character is this much below that of the worst token. */
const UNKNOWN_PENALTY = 10;
const MAX_TOKENS = 2 ** 22; // the largest real vocabularies have some 2^18

export function readUnigram(place: Place): TokenModel {
  const model = objectAt(place);
  const { ids, scores } = readVocabulary(at(model, 'vocab'));
  const unknownId = readUnknown(at(model, 'unk_id'), scores.length);
  const bytesOf = flagAt(at(model, 'byte_fallback'), false) ? byteFallback(ids) : () => undefined;
  const trie = trieOf(ids);
  const unknownScore =
    scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
  const idsOf = (text: string): readonly number[] => {
    const id = ids.get(text);
    if (id !== undefined) return [id];
    const bytes = bytesOf(text);
    if (bytes) return bytes;
    return [unknownId ?? missing(place)];
  };

  /** Positions at which the parts of the best segmentation end, from last to first; adjacent unknown characters are one part. */
  const encode = (text: string): readonly number[] => {
    const n = text.length;
    const best = new Float64Array(n + 1);
    const startOf = new Int32Array(n + 1).fill(-1);
    const idAt = new Int32Array(n + 1);
    const offer = (from: number, end: number, id: number, score: number): void => {
      if (startOf[end] !== -1 && score <= (best[end] as number)) return;
      best[end] = score;
      startOf[end] = from;
      idAt[end] = id;
    };
    for (let from = 0; from < n; ) {
      const here = best[from] as number;
      const width = (text.codePointAt(from) as number) > 0xffff ? 2 : 1;
      let isKnown = false;
      trie(text, from, (end, id) => {
        offer(from, end, id, (scores[id] as number) + here);
        if (end - from === width) isKnown = true;
      });
      if (!isKnown) offer(from, from + width, unknownId ?? missing(place), unknownScore + here);
      from += width;
    }
    const parts: (readonly number[])[] = [];
    for (let end = n; end > 0; ) {
      let start = startOf[end] as number;
      if (idAt[end] === unknownId) while (start > 0 && idAt[start] === unknownId) start = startOf[start] as number;
      parts.push(idsOf(text.slice(start, end)));
      end = start;
    }
    return parts.reverse().flat();
  };
  return { ids, encode };
}

function missing(place: Place): never {
  throw wrong(at(place, 'unk_id'), 'the id of the unknown token: the text has a character that the vocabulary lacks');
}

function readUnknown(place: Place, size: number): number | undefined {
  if (isAbsent(place)) return undefined;
  const { value } = place;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= size)
    throw wrong(place, 'the place of a token in the vocabulary, or null');
  return value;
}

/** A list of [token, score], whose index is the id. When a token occurs twice, the later id is used. */
function readVocabulary(place: Place): { ids: Map<string, number>; scores: number[] } {
  const entries = listAt(place);
  if (entries.length === 0 || entries.length > MAX_TOKENS) throw wrong(place, `1 to ${MAX_TOKENS} tokens`);
  const ids = new Map<string, number>();
  const scores = entries.map((entry, id) => {
    const [token, score] = listAt(entry);
    if (!token || typeof score?.value !== 'number') throw wrong(entry, 'a token and its score');
    ids.set(textAt(token), id);
    return score.value;
  });
  return { ids, scores };
}

/** Visits the tokens that begin at a position, shortest first. */
function trieOf(ids: ReadonlyMap<string, number>) {
  // Nodes are numbers; the child is stored under node * 2^16 + code unit, which is exact below 2^53.
  const next = new Map<number, number>();
  const idOfNode: (number | undefined)[] = [undefined];
  for (const [token, id] of ids) {
    let node = 0;
    for (let i = 0; i < token.length; i++) {
      const key = node * 0x10000 + token.charCodeAt(i);
      let child = next.get(key);
      if (child === undefined) {
        child = idOfNode.push(undefined) - 1;
        next.set(key, child);
      }
      node = child;
    }
    if (node !== 0) idOfNode[node] = id;
  }
  return (text: string, from: number, visit: (end: number, id: number) => void): void => {
    let node: number | undefined = 0;
    for (let i = from; i < text.length; i++) {
      node = next.get(node * 0x10000 + text.charCodeAt(i));
      if (node === undefined) return;
      const id = idOfNode[node];
      if (id !== undefined) visit(i + 1, id);
    }
  };
}
