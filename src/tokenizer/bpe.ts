/** The model part of tokenizer.json: a vocabulary, and the merges that join the bytes of a word to its tokens (arXiv 1508.07909). */

import { BYTE_ALPHABET } from './byte-level.ts';
import { at, flagAt, idAt, isAbsent, listAt, objectAt, type Place, textAt, wrong } from './json.ts';
import { BPE } from './library.ts';

export interface WordEncoder {
  readonly ids: ReadonlyMap<string, number>;
  /** Ids of a word spelled in the byte alphabet. */
  encode(word: string): number[];
}

/** Throws CheckpointError on another model than BPE, and on merges of or into tokens that the vocabulary lacks. */
export function readBpe(place: Place): WordEncoder {
  const model = objectAt(place);
  const type = at(model, 'type');
  if (!isAbsent(type) && type.value !== 'BPE') throw wrong(type, "'BPE': only byte-level BPE is understood");
  const dropout = at(model, 'dropout');
  if (!isAbsent(dropout) && dropout.value !== 0) throw wrong(dropout, 'null: dropout makes the ids of a text random');
  for (const affix of ['continuing_subword_prefix', 'end_of_word_suffix'])
    if (!isAbsent(at(model, affix)) && at(model, affix).value !== '') throw wrong(at(model, affix), 'null');
  if (flagAt(at(model, 'byte_fallback'), false))
    throw wrong(at(model, 'byte_fallback'), 'false: only byte-level BPE is understood');
  const vocabulary = at(model, 'vocab');
  const ids = readVocabulary(vocabulary);
  const unknown = isAbsent(at(model, 'unk_token')) ? undefined : textAt(at(model, 'unk_token'));
  if (unknown !== undefined && !ids.has(unknown)) throw wrong(at(model, 'unk_token'), 'a token of the vocabulary');
  const lacking = new Set(BYTE_ALPHABET.filter((char) => !ids.has(char)));
  if (lacking.size > 0 && unknown !== undefined && flagAt(at(model, 'fuse_unk'), false))
    throw wrong(at(model, 'fuse_unk'), 'false, as the vocabulary lacks some bytes');
  // Bytes that the vocabulary lacks, such as Granite's 0xF1, are left out before merging, so that their neighbours may join.
  const known = (word: string) =>
    lacking.size === 0 || unknown !== undefined || ids.has(word)
      ? word
      : Array.from(word, (char) => (lacking.has(char) ? '' : char)).join('');
  const bpe = new BPE({
    type: 'BPE',
    vocab: vocabulary.value as Record<string, number>,
    merges: readMerges(at(model, 'merges'), ids),
    unk_token: unknown ?? null,
    ignore_merges: flagAt(at(model, 'ignore_merges'), false),
  });
  return { ids, encode: (word) => bpe.encode([known(word)]).map((token) => ids.get(token) as number) };
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
function readMerges(place: Place, ids: ReadonlyMap<string, number>): [string, string][] {
  return listAt(place).map((entry) => {
    const parts = typeof entry.value === 'string' ? entry.value.split(' ') : listAt(entry).map(textAt);
    const [left, right] = parts;
    if (!left || !right || parts.length !== 2) throw wrong(entry, 'two tokens');
    for (const token of [left, right, left + right])
      if (!ids.has(token)) throw wrong(entry, `tokens of the vocabulary, which lacks ${JSON.stringify(token)}`);
    return [left, right];
  });
}
