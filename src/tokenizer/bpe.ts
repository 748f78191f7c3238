/**
 * Byte-pair encoding (arXiv 1508.07909): a vocabulary, and the merges that build its tokens from characters (models/bpe/model.rs of the
 * reference).
 */
import { byteFallback } from './byte-tokens.ts';
import { at, flagAt, idAt, isAbsent, listAt, objectAt, type Place, textAt, wrong } from './json.ts';
import { Merges } from './merge.ts';
import type { TokenModel } from './model.ts';

const MAX_MERGES = 2 ** 22; // the largest real lists have some 300,000
const MAX_CACHED_WORDS = 20_000;
const MAX_CACHED_LENGTH = 64; // characters; longer words hardly come twice

/** Throws CheckpointError on merges of or into tokens that the vocabulary lacks, and on dropout, which makes ids random. */
export function readBpe(place: Place): TokenModel {
  const model = objectAt(place);
  const dropout = at(model, 'dropout');
  if (!isAbsent(dropout) && dropout.value !== 0) throw wrong(dropout, 'null: dropout makes the ids of a text random');
  for (const affix of ['continuing_subword_prefix', 'end_of_word_suffix'])
    if (!isAbsent(at(model, affix)) && at(model, affix).value !== '') throw wrong(at(model, affix), 'null');
  const ids = readVocabulary(at(model, 'vocab'));
  const merges = readMerges(at(model, 'merges'), ids);
  const bytesOf = flagAt(at(model, 'byte_fallback'), false) ? byteFallback(ids) : () => undefined;
  const unknown = at(model, 'unk_token');
  const unknownId = isAbsent(unknown) ? undefined : ids.get(textAt(unknown));
  const fuseUnknown = flagAt(at(model, 'fuse_unk'), false);
  const ignoreMerges = flagAt(at(model, 'ignore_merges'), false);

  /**
   * A character that is not in the vocabulary becomes its bytes, or the unknown token, or is dropped, so that its neighbours may merge. As
   * in the reference, the unknown token is added only before the next known character, after byte tokens.
   */
  const symbolsOf = (word: string): number[] => {
    const symbols: number[] = [];
    let waiting = false;
    for (const char of word) {
      const id = ids.get(char);
      if (id !== undefined) {
        if (waiting) symbols.push(unknownId as number);
        waiting = false;
        symbols.push(id);
        continue;
      }
      const bytes = bytesOf(char);
      if (bytes) symbols.push(...bytes);
      else if (!isAbsent(unknown)) {
        if (unknownId === undefined) throw wrong(unknown, 'a token of the vocabulary');
        if (waiting && !fuseUnknown) symbols.push(unknownId);
        waiting = true;
      }
    }
    if (waiting) symbols.push(unknownId as number);
    return symbols;
  };

  const cache = new Map<string, readonly number[]>();
  const encode = (word: string): readonly number[] => {
    const whole = ignoreMerges ? ids.get(word) : undefined;
    if (whole !== undefined) return [whole];
    const known = cache.get(word);
    if (known) return known;
    const found = merges.apply(symbolsOf(word));
    if (word.length <= MAX_CACHED_LENGTH) {
      if (cache.size >= MAX_CACHED_WORDS) cache.clear();
      cache.set(word, found);
    }
    return found;
  };
  return { ids, encode };
}

function readVocabulary(place: Place): Map<string, number> {
  const ids = new Map<string, number>();
  const taken = new Set<number>();
  for (const [token, value] of Object.entries(objectAt(place).value as object)) {
    const entry = { value, path: `${place.path}[${JSON.stringify(token.slice(0, 80))}]` };
    const id = idAt(entry);
    if (taken.has(id)) throw wrong(entry, 'an id that no other token has');
    taken.add(id);
    ids.set(token, id);
  }
  if (ids.size === 0) throw wrong(place, 'at least one token');
  return ids;
}

/** Pairs to join, by rank: stored as 'a b' or as ['a', 'b']. */
function readMerges(place: Place, ids: ReadonlyMap<string, number>): Merges {
  const entries = listAt(place);
  if (entries.length > MAX_MERGES) throw wrong(place, `at most ${MAX_MERGES} merges`);
  const merges = new Merges();
  for (const entry of entries) {
    const parts = typeof entry.value === 'string' ? entry.value.split(' ') : listAt(entry).map(textAt);
    const [left, right] = parts;
    if (!left || !right || parts.length !== 2) throw wrong(entry, 'two tokens');
    const idOf = (token: string): number => {
      const id = ids.get(token);
      if (id === undefined) throw wrong(entry, `tokens of the vocabulary, which lacks ${JSON.stringify(token)}`);
      return id;
    };
    merges.add(idOf(left), idOf(right), idOf(left + right));
  }
  return merges;
}
