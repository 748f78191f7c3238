/** Components of tokenizer.json are single or a sequence of others; this returns them as a list. */
import { at, isAbsent, listAt, objectAt, type Place, wrong } from './json.ts';

const MAX_DEPTH = 8; // of sequences in sequences; real files have one

/** `listKey`: the key of a sequence's parts. Empty for null. */
export function componentsOf(place: Place, listKey: string, depth = 0): Place[] {
  if (isAbsent(place)) return [];
  if (depth > MAX_DEPTH) throw wrong(place, `at most ${MAX_DEPTH} sequences in one another`);
  objectAt(place);
  if (at(place, 'type').value !== 'Sequence') return [place];
  return listAt(at(place, listKey)).flatMap((part) => componentsOf(objectAt(part), listKey, depth + 1));
}
