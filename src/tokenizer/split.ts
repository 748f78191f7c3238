/** Splits a text at the matches of a pattern, with the behaviours of the reference (SplitDelimiterBehavior of huggingface/tokenizers). */
import { type Place, wrong } from './json.ts';
import type { Matcher } from './pattern.ts';

/** What happens to a match: it is a word of its own, removed, joined with adjacent matches, or joined to the word before or after it. */
const BEHAVIORS = ['Isolated', 'Removed', 'Contiguous', 'MergedWithPrevious', 'MergedWithNext'] as const;
export type Behavior = (typeof BEHAVIORS)[number];

/** Reads a behaviour, in the spelling of the file format or of the Python interface. */
export function readBehavior(place: Place, otherwise?: Behavior): Behavior {
  if (place.value === undefined && otherwise) return otherwise;
  const found = BEHAVIORS.find((name) => name === place.value);
  if (!found) throw wrong(place, BEHAVIORS.join(', '));
  return found;
}

/** `invert`: exchange the matches and the text between them. */
export function splitter(match: Matcher, behavior: Behavior, invert = false): (text: string) => string[] {
  if (behavior === 'Isolated') return (text) => isolated(text, match);
  return (text) => {
    // The text as parts that match and parts that do not, by where they end.
    const ends: number[] = [];
    const matches: boolean[] = [];
    let done = 0;
    const add = (end: number, isMatch: boolean) => {
      ends.push(end);
      matches.push(isMatch !== invert);
      done = end;
    };
    match(text, (start, end) => {
      if (start > done) add(start, false);
      add(end, true);
    });
    if (done < text.length) add(text.length, false);
    return joined(text, ends, matches, behavior);
  };
}

function isolated(text: string, match: Matcher): string[] {
  const pieces: string[] = [];
  let done = 0;
  match(text, (start, end) => {
    if (start > done) pieces.push(text.slice(done, start));
    if (end > start) pieces.push(text.slice(start, end));
    done = end;
  });
  if (done < text.length) pieces.push(text.slice(done));
  return pieces;
}

function joined(text: string, ends: readonly number[], matches: readonly boolean[], behavior: Behavior): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i] as number;
    const isMatch = matches[i] as boolean;
    const next = matches[i + 1];
    if (next !== undefined && joins(behavior, isMatch, next)) continue;
    if (end > from && !(behavior === 'Removed' && isMatch)) pieces.push(text.slice(from, end));
    from = end;
  }
  return pieces;
}

/** Are two neighbours one word? Of several adjacent matches, only the one next to other text is joined to it. */
function joins(behavior: Behavior, isMatch: boolean, nextIsMatch: boolean): boolean {
  if (behavior === 'Contiguous') return isMatch === nextIsMatch;
  if (behavior === 'MergedWithPrevious') return !isMatch && nextIsMatch;
  return behavior === 'MergedWithNext' && isMatch && !nextIsMatch;
}
