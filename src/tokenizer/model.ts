/** The model part of tokenizer.json: from a piece of text to ids. */
import { readBpe } from './bpe.ts';
import { at, isAbsent, objectAt, type Place, wrong } from './json.ts';
import { readUnigram } from './unigram.ts';

export interface TokenModel {
  readonly ids: ReadonlyMap<string, number>;
  encode(piece: string): readonly number[];
}

/** Throws CheckpointError on another model than BPE and Unigram, and on what is wrong in one. Old files name no type: they are BPE. */
export function readModel(place: Place): TokenModel {
  const type = at(objectAt(place), 'type');
  if (type.value === 'Unigram') return readUnigram(place);
  if (isAbsent(type) || type.value === 'BPE') return readBpe(place);
  throw wrong(type, "'BPE' or 'Unigram'");
}
