/** Words that analyses ask about: one token each, given as text or as id. */
import { quote, UsageError } from '../base/errors.ts';
import { holds, kinds, ownKind } from '../options/option.ts';
import type { Subject } from './subject.ts';

/** A token, and its text where there is a tokenizer. */
export interface Word {
  readonly id: number;
  readonly text: string;
}

/** A text that is one token, with its space before it, or a token's id. */
export type WordOption = string | number;

export const aWord = ownKind<WordOption>(
  "a text that is one token, as in ' she', or a token id",
  (value) => typeof value === 'string' || holds(kinds.id, value),
);

/** What is needed to find words: known before the weights are loaded. */
export type Vocabulary = {
  readonly tokenizer: Subject['tokenizer'];
  readonly facts: Pick<Subject['facts'], 'vocabSize'>;
};

export const wordWithId = ({ tokenizer }: Vocabulary, id: number): Word => ({ id, text: tokenizer?.piece(id) ?? '' });

/** Throws UsageError on a text that is not one token, with the tokens that it is, and on an id that does not exist. */
export function findWord(vocabulary: Vocabulary, word: WordOption): Word {
  const { tokenizer, facts } = vocabulary;
  if (typeof word === 'number') {
    if (!Number.isInteger(word) || word < 0 || word >= facts.vocabSize)
      throw new UsageError(`word ${word} does not exist: this model has ids 0 to ${facts.vocabSize - 1}.`);
    return wordWithId(vocabulary, word);
  }
  if (!tokenizer) throw new UsageError(`this checkpoint has no tokenizer: give the id of ${quote(word)}.`);
  const ids = tokenizer.encode(word, { addSpecialTokens: false });
  const [id] = ids;
  if (id === undefined) throw new UsageError('the word is empty; give a text that is one token, or an id.');
  if (ids.length === 1) return wordWithId(vocabulary, id);
  const spaced = word.startsWith(' ') ? [] : tokenizer.encode(` ${word}`, { addSpecialTokens: false });
  const hint = spaced.length === 1 ? ` With its space, ${quote(` ${word}`)} is one: ${spaced[0]}.` : '';
  const parts = ids.map((one) => `${one} ${quote(tokenizer.piece(one))}`).join(', ');
  throw new UsageError(
    `${quote(word)} is ${ids.length} tokens, wanted one: ${parts}. Give one of these by its id, such as the first, ${id}.${hint}`,
  );
}

/** Tokens of a text, as results show them. */
export const wordsOf = (vocabulary: Vocabulary, ids: readonly number[]): Word[] =>
  ids.map((id) => wordWithId(vocabulary, id));
