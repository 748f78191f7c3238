/** Masks for generation: JSON by a schema, any JSON object, and regular expressions. */
import { UsageError } from '../base/errors.ts';
import type { TokenMask } from '../sampler/mask.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Expression } from './expression.ts';
import { anyObject } from './json-text.ts';
import { LanguageMask } from './language-mask.ts';
import { regexLanguage } from './regex.ts';
import { type JsonSchema, schemaLanguage } from './schema.ts';

/**
 * Lets generation write JSON that a schema accepts, and nothing else; the sequence ends with it. A mask serves any number of sequences, and remembers
 * what it worked out. The text is whole where finishReason is `stop`, unless a stop text came first; where it is `length`, it was cut off. Throws
 * UsageError that names the keyword and the place of what is not supported: see docs/chat.md for what is.
 */
export const jsonSchemaMask = (tokenizer: Tokenizer | undefined, schema: JsonSchema): TokenMask =>
  maskOf(tokenizer, () => schemaLanguage(schema));

/** As jsonSchemaMask, for any JSON object. */
export const jsonMask = (tokenizer: Tokenizer | undefined): TokenMask => maskOf(tokenizer, () => anyObject);

/** As jsonSchemaMask, for texts that match a regular expression of JavaScript as a whole. */
export const regexMask = (tokenizer: Tokenizer | undefined, source: string): TokenMask =>
  maskOf(tokenizer, () => regexLanguage(source));

function maskOf(tokenizer: Tokenizer | undefined, language: () => Expression): TokenMask {
  if (!tokenizer) throw new UsageError('this model has no tokenizer, so the form of its output cannot be prescribed.');
  return new LanguageMask(tokenizer, language());
}
