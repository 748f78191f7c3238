/** Components of tokenizer.json come alone or as a sequence of others; this gives them one after another. */
import { at, isAbsent, listAt, objectAt, type Place, wrong } from './json.ts';

const MAX_DEPTH = 8; // of sequences in sequences; real files have one

/** `listKey`: under which a sequence has its parts. None for null. */
export function componentsOf(place: Place, listKey: string, depth = 0): Place[] {
  if (isAbsent(place)) return [];
  if (depth > MAX_DEPTH) throw wrong(place, `at most ${MAX_DEPTH} sequences in one another`);
  objectAt(place);
  if (at(place, 'type').value !== 'Sequence') return [place];
  return listAt(at(place, listKey)).flatMap((part) => componentsOf(objectAt(part), listKey, depth + 1));
}
