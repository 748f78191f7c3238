/** Words, as people write them, as tokens. */
import { UsageError } from '../../base/errors.ts';
import { holds, kinds, option, ownKind } from '../../options/option.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { WordOption } from '../words.ts';

export const aWord = ownKind<WordOption>(
  'a text or the id of a token',
  (value) => holds(kinds.text, value) || holds(kinds.id, value),
);

export const AS_IS = option(kinds.flag, 'take words as they are, without a space in front', false);

export interface EncodedWord {
  readonly word: WordOption;
  readonly ids: readonly number[];
  /** Texts of the tokens. */
  readonly pieces: readonly string[];
}

/** What of a model words need, before or after its weights are loaded. */
export interface WithTokens {
  readonly tokenizer: Tokenizer | undefined;
  readonly facts: { readonly vocabSize: number };
}

/**
 * Tokens of a word as it stands within a sentence: with a space in front, unless the text begins with one already, or is to be taken `asIs`.
 * Throws UsageError on an empty word, an id that does not exist, and on texts where there is no tokenizer.
 */
export function encodeWord(
  { tokenizer, facts }: WithTokens,
  word: WordOption,
  { asIs = false }: { readonly asIs?: boolean | undefined } = {},
): EncodedWord {
  if (typeof word === 'number') {
    if (!Number.isInteger(word) || word < 0 || word >= facts.vocabSize)
      throw new UsageError(`token id ${word} does not exist: this model has ids 0 to ${facts.vocabSize - 1}.`);
    return { word, ids: [word], pieces: [tokenizer?.piece(word) ?? `#${word}`] };
  }
  if (word.trim() === '') throw new UsageError('a word is empty; give at least one letter.');
  if (!tokenizer) throw new UsageError(`this model has no tokenizer for the word '${word}'; give the id of a token.`);
  const text = asIs || word.startsWith(' ') ? word : ` ${word}`;
  const ids = tokenizer.encode(text, { addSpecialTokens: false, splitSpecialTokens: !asIs });
  return { word, ids, pieces: ids.map((id) => tokenizer.piece(id)) };
}

/** The first token of a word, which stands for it where one token is needed (as in the code of arXiv 2305.16765). */
export function firstToken(
  subject: WithTokens,
  word: WordOption,
  options?: { readonly asIs?: boolean | undefined },
): number {
  return encodeWord(subject, word, options).ids[0] as number;
}
