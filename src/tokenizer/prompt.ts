/** Ids of a text that a model is to continue. */
import type { EncodeOptions, Tokenizer } from './tokenizer.ts';

/**
 * What the tokenizer gives, with what it adds in front; a begin-of-text with which the text begins by itself, as templates of chats write
 * it, is there once. (transformers encodes what a template made without adding anything.)
 */
export function promptIds(tokenizer: Tokenizer, text: string, options: EncodeOptions = {}): number[] {
  const ids = tokenizer.encode(text, options);
  const [first, second] = ids;
  if (first === undefined || first !== second || !tokenizer.specialIds.has(first)) return ids;
  const own = tokenizer.encode(text, { ...options, addSpecialTokens: false });
  // Of what was added, the last in front is the same token as the first of the text.
  return own[0] === first && own.length < ids.length ? ids.slice(1) : ids;
}
