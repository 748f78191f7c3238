/** Ids of a text that a model is to continue. */
import type { EncodeOptions, Tokenizer } from './tokenizer.ts';

/**
 * The ids of a prompt, with the tokens that the tokenizer adds in front. If the text itself begins with a begin-of-text, as chat templates
 * write it, this is not repeated. (transformers encodes the result of a template without adding anything.)
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
