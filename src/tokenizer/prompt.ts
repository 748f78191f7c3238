/** Ids of a text that a model is to continue. */
import type { EncodeOptions, Tokenizer } from './tokenizer.ts';

/**
 * What the tokenizer gives, with what it puts in front; a begin-of-text with which the text begins by itself, as templates of chats write
 * it, is there once. (transformers encodes what a template made without adding anything.)
 */
export function promptIds(tokenizer: Tokenizer, text: string, options: EncodeOptions = {}): number[] {
  const ids = tokenizer.encode(text, options);
  const { length } = tokenizer.frontIds;
  const begin = tokenizer.frontIds.at(-1);
  if (begin === undefined || ids[length] !== begin) return ids;
  // What follows may also be what the tokenizer puts after an empty text.
  const [first] = tokenizer.encode(text, { ...options, addSpecialTokens: false });
  return first === begin ? ids.toSpliced(length, 1) : ids;
}
