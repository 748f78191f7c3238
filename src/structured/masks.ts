/** Masks for generation: JSON by a schema, any JSON object, and regular expressions. */
import { UsageError } from '../base/errors.ts';
import type { TokenMask } from '../sampler/mask.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Expression } from './expression.ts';
import { anyObject } from './json-text.ts';
import { LanguageMask } from './language-mask.ts';
import { regexLanguage } from './regex.ts';
import { type JsonSchema, schemaLanguage } from './schema.ts';
import { prepareTrie } from './token-trie.ts';

/**
 * Lets generation write JSON that a schema accepts, and nothing else; the sequence ends with it. A mask serves any number of sequences, and remembers
 * what it worked out. The text is whole where finishReason is `stop`, unless a stop text came first; where it is `length`, it was cut off. Throws
 * UsageError that names the keyword and the place of what is not supported: see docs/chat.md for what is.
 */
export const jsonSchemaMask = (tokenizer: Tokenizer | undefined, schema: JsonSchema): TokenMask =>
  maskOf(tokenizer, 'JSON schema', textOf(schema), () => schemaLanguage(schema));

/** As jsonSchemaMask, for any JSON object. */
export const jsonMask = (tokenizer: Tokenizer | undefined): TokenMask => maskOf(tokenizer, 'JSON', '', () => anyObject);

/** As jsonSchemaMask, for texts that match a regular expression of JavaScript as a whole. */
export const regexMask = (tokenizer: Tokenizer | undefined, source: string): TokenMask =>
  maskOf(tokenizer, 'regular expression', source, () => regexLanguage(source));

/**
 * Does what the first mask of a tokenizer needs, in slices between which all else runs: for a vocabulary of 100,000 tokens it takes half a second, and without
 * this the first mask takes it in one piece. Done once for each tokenizer.
 */
export async function prepareMasks(tokenizer: Tokenizer | undefined): Promise<void> {
  if (tokenizer) await prepareTrie(tokenizer);
}

/** As jsonSchemaMask, after prepareMasks. */
export async function preparedMask(tokenizer: Tokenizer | undefined, schema: JsonSchema): Promise<TokenMask> {
  await prepareMasks(tokenizer);
  return jsonSchemaMask(tokenizer, schema);
}

/** Characters of a schema or an expression. */
const MAX_TEXT = 200_000;

/** Masks that are kept of a tokenizer, with what they worked out: at most about 20 MB each. */
const MAX_MASKS = 8;

const kept = new WeakMap<Tokenizer, Map<string, TokenMask>>();

/** The mask of this form; the same one when it is asked for again, as long as it is kept. `text`: all that it depends on. */
function maskOf(tokenizer: Tokenizer | undefined, kind: string, text: string, language: () => Expression): TokenMask {
  if (!tokenizer) throw new UsageError('this model has no tokenizer, so the form of its output cannot be prescribed.');
  if (text.length > MAX_TEXT)
    throw new UsageError(`the ${kind} has ${text.length} characters, and ${MAX_TEXT} are the most.`);
  const masks = kept.get(tokenizer) ?? new Map<string, TokenMask>();
  kept.set(tokenizer, masks);
  const key = `${kind} ${text}`;
  const mask = masks.get(key) ?? made(tokenizer, kind, language);
  masks.delete(key);
  masks.set(key, mask); // the most recently used last
  const [oldest] = masks.keys();
  if (masks.size > MAX_MASKS && oldest !== undefined) masks.delete(oldest);
  return mask;
}

function made(tokenizer: Tokenizer, kind: string, language: () => Expression): TokenMask {
  try {
    return new LanguageMask(tokenizer, language());
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`the ${kind} is nested too deeply.`, { cause: error });
  }
}

/** Throws UsageError on what JSON cannot write, such as a schema that contains itself. */
function textOf(schema: JsonSchema): string {
  try {
    return JSON.stringify(schema) ?? String(schema);
  } catch (error) {
    throw new UsageError(`the JSON schema cannot be written as JSON: ${(error as Error).message.split('\n', 1)[0]}.`);
  }
}
