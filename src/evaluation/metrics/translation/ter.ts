/**
 * Translation edit rate of a corpus (Snover et al. 2006) as sacrebleu 2 computes it by default: edits of words, where moving some neighbouring words
 * is one edit, relative to the words of the reference; lower case. Moves are searched for as Tercom does, with its limits.
 */
import { stripEnd } from '../../tasks/python-methods.ts';
import { type Edit, editsOf } from './edit-distance.ts';
import { columnSums, splitWords } from './ngrams.ts';

/** Most words that are moved together, and how far. */
const MOST_WORDS = 10;
const FARTHEST = 50;

/** Moves that are tried for one text. */
const MOST_TRIES = 1000;

/** Edits, and words of the reference. */
export function terCounts(wanted: string, given: string): number[] {
  const [reference, first] = [wanted, given].map((text) => splitWords(stripEnd(text).toLowerCase())) as [
    string[],
    string[],
  ];
  if (reference.length === 0) return [first.length, 0];
  let words: readonly string[] = first;
  let [moves, tries] = [0, 0];
  for (;;) {
    const best = bestMove(words, reference, tries);
    tries = best.tries;
    if (tries >= MOST_TRIES || best.saved <= 0) break;
    moves++;
    words = best.words;
  }
  return [moves + editsOf(words, reference).count, reference.length];
}

/** In percent; may be more than 100. */
export function terScore(rows: readonly (readonly number[])[]): number {
  const [edits = 0, words = 0] = columnSums(rows);
  return 100 * (words > 0 ? edits / words : edits > 0 ? 1 : 0);
}

interface Move {
  readonly saved: number;
  readonly length: number;
  readonly from: number;
  readonly to: number;
  readonly words: readonly string[];
}

function bestMove(
  words: readonly string[],
  reference: readonly string[],
  triedBefore: number,
): Pick<Move, 'saved' | 'words'> & { readonly tries: number } {
  const { count, edits } = editsOf(words, reference);
  const { places, wrongWords, wrongPlaces } = alignment(edits);
  let tries = triedBefore;
  let best: Move | undefined;
  for (const { from, at, length } of matches(words, reference)) {
    // Only what stands wrong moves, and only to where something is wrong.
    if (!wrongWords.slice(from, from + length).includes(true)) continue;
    if (!wrongPlaces.slice(at, at + length).includes(true)) continue;
    const place = places[at] as number;
    if (from <= place && place < from + length) continue;
    let before = -1;
    for (let offset = -1; offset < length; offset++) {
      const known = at + offset === -1 ? -1 : places[at + offset];
      if (known === undefined) break;
      const to = known + 1;
      if (to === before) continue;
      before = to;
      const moved = movedWords(words, from, length, to);
      const move = { saved: count - editsOf(moved, reference).count, length, from, to, words: moved };
      if (!best || isBetter(move, best)) best = move;
      tries++;
    }
    if (tries >= MOST_TRIES) break;
  }
  return { saved: best?.saved ?? 0, words: best?.words ?? words, tries };
}

/** More edits saved, then more words, then from further left, then to further left. */
function isBetter(a: Move, b: Move): boolean {
  const differences = [a.saved - b.saved, a.length - b.length, b.from - a.from, b.to - a.to];
  return (differences.find((difference) => difference !== 0) ?? 0) > 0;
}

/** `to` counts words before the move. */
function movedWords(words: readonly string[], from: number, length: number, to: number): string[] {
  const moved = words.slice(from, from + length);
  const rest = [...words.slice(0, from), ...words.slice(from + length)];
  // A place within the moved words is as far behind their first one.
  const place = to < from ? to : to > from + length ? to - length : to;
  return [...rest.slice(0, place), ...moved, ...rest.slice(place)];
}

/** Words that stand in both lists, in runs. */
function* matches(words: readonly string[], reference: readonly string[]) {
  for (let from = 0; from < words.length; from++)
    for (let at = Math.max(0, from - FARTHEST); at < Math.min(reference.length, from + FARTHEST + 1); at++)
      for (let length = 1; length <= MOST_WORDS; length++) {
        const [i, j] = [from + length - 1, at + length - 1];
        if (i >= words.length || j >= reference.length || words[i] !== reference[j]) break;
        yield { from, at, length };
      }
}

/** Where each word of the reference stands among the given words, and which of both are wrong. */
function alignment(edits: readonly Edit[]) {
  const places: number[] = [];
  const [wrongWords, wrongPlaces]: [boolean[], boolean[]] = [[], []];
  for (const edit of edits) {
    if (edit !== 'insert') wrongWords.push(edit !== 'keep');
    if (edit === 'remove') continue;
    places.push(wrongWords.length - 1);
    wrongPlaces.push(edit !== 'keep');
  }
  return { places, wrongWords, wrongPlaces };
}
