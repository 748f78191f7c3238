/** Words that follow a text: within it, a word begins with its space. */

/** A text that begins with a space, or is empty, stays as it is. */
export const wordWithin = (word: string): string => (word === '' || /^\s/.test(word) ? word : ` ${word}`);

/** As options of an analysis that takes one word or two. */
export const wordsWithin = (word: string, against: string) => ({
  word: wordWithin(word),
  ...(against ? { against: wordWithin(against) } : {}),
});
