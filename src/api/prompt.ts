/** What users give a model to read, checked where it comes in. */
import { quote, UsageError } from '../base/errors.ts';
import type { OpenedModel } from '../loader/open.ts';
import { kinds, type OptionsOf, option } from '../options/option.ts';
import { promptIds } from '../tokenizer/prompt.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** Ids in an array, or in one of whole numbers such as Int32Array. */
export type TokenIds = readonly number[] | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

/** Text, or the ids of its tokens. */
export type Prompt = string | TokenIds;

export type Prompts = Prompt | readonly Prompt[];

export const ENCODE_OPTIONS = {
  /** Special tokens that stand in a text are text like any other: for texts from users. Default false, unless the tokenizer says otherwise. */
  splitSpecialTokens: option(kinds.flag, 'special tokens that stand in the text are text like any other'),
};

export interface EncodePromptOptions extends OptionsOf<typeof ENCODE_OPTIONS> {}

const WANTED = 'wanted a text or token ids, as in [1, 2, 3]';

const isIdArray = (value: unknown): value is Exclude<TokenIds, readonly number[]> =>
  ArrayBuffer.isView(value) && !(value instanceof DataView) && typeof (value as Int32Array)[0] !== 'bigint';

/** Text, or ids as an array. Throws UsageError on all else; whether a model has the ids is checked where they are read. */
export function checkPrompt(prompt: unknown): string | readonly number[] {
  if (typeof prompt === 'string') return prompt;
  if (isIdArray(prompt)) return Array.from(prompt);
  if (ArrayBuffer.isView(prompt)) throw new UsageError(`a prompt came as a ${prompt.constructor.name}, ${WANTED}.`);
  if (!Array.isArray(prompt)) throw new UsageError(`a prompt came as ${quote(prompt)}, ${WANTED}.`);
  const strange: unknown = prompt.find((one) => typeof one !== 'number');
  if (strange === undefined && !prompt.includes(undefined)) return prompt;
  if (isMessage(strange)) {
    throw new UsageError(
      'a prompt came as a list of messages, which need a chat template: write the conversation as the one text that the model expects.',
    );
  }
  if (typeof strange === 'string' || Array.isArray(strange) || isIdArray(strange))
    throw new UsageError(
      `a prompt came as a list of several, ${WANTED}. generate() takes several; all else takes one by one.`,
    );
  throw new UsageError(`a prompt came as a list with ${quote(strange)} in it, ${WANTED}.`);
}

/** One prompt or several, as a list. Throws UsageError as checkPrompt does. */
export function promptList(prompts: unknown): (string | readonly number[])[] {
  const isOne = !Array.isArray(prompts) || prompts.every((one) => typeof one === 'number') || prompts.some(isNoPrompt);
  return isOne ? [checkPrompt(prompts)] : prompts.map(checkPrompt);
}

/** Neither text nor ids, which a list of prompts consists of. */
function isNoPrompt(value: unknown): boolean {
  return typeof value !== 'string' && !Array.isArray(value) && !isIdArray(value);
}

function isMessage(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'role' in value && 'content' in value;
}

/**
 * Ids of a prompt, with what the tokenizer puts in front of a text, unless the text begins with it already. Throws UsageError when it is
 * neither text nor ids, and when it is text and there is no tokenizer.
 */
export function encodePrompt(
  opened: Pick<OpenedModel, 'tokenizer'>,
  prompt: Prompt,
  { splitSpecialTokens }: EncodePromptOptions = {},
): readonly number[] {
  return encodeWith((text) => promptIds(tokenizerOf(opened), text, { splitSpecialTokens }), prompt);
}

/** As encodePrompt, of text that goes on after other: without what the tokenizer puts in front of a text. */
export function encodeMore(
  opened: Pick<OpenedModel, 'tokenizer'>,
  prompt: Prompt,
  { splitSpecialTokens }: EncodePromptOptions = {},
): readonly number[] {
  const encode = (text: string) => tokenizerOf(opened).encode(text, { addSpecialTokens: false, splitSpecialTokens });
  return encodeWith(encode, prompt);
}

/** Ids as they are, once checked. */
function encodeWith(encode: (text: string) => readonly number[], prompt: Prompt): readonly number[] {
  const checked = checkPrompt(prompt);
  return typeof checked === 'string' ? encode(checked) : checked;
}

function tokenizerOf({ tokenizer }: Pick<OpenedModel, 'tokenizer'>): Tokenizer {
  if (!tokenizer) throw new UsageError('this checkpoint has no tokenizer: give token ids in place of text.');
  return tokenizer;
}
