/** The model of tokenizer.json: maps a word to ids. */
import { readBpe } from './bpe.ts';
import { at, isAbsent, objectAt, type Place, wrong } from './json.ts';
import { readUnigram } from './unigram.ts';

export interface TokenModel {
  readonly ids: ReadonlyMap<string, number>;
  encode(piece: string): readonly number[];
}

/** Throws CheckpointError on models other than BPE and Unigram, and on errors in one. Old files have no type: they are BPE. */
export function readModel(place: Place): TokenModel {
  const type = at(objectAt(place), 'type');
  if (type.value === 'Unigram') return readUnigram(place);
  if (isAbsent(type) || type.value === 'BPE') return readBpe(place);
  throw wrong(type, "'BPE' or 'Unigram'");
}
