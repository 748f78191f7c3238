/** Prompts: texts or token ids, and their checks. */
import { quote, UsageError } from '../base/errors.ts';
import type { OpenedModel } from '../loader/open.ts';
import { kinds, type OptionsOf, option } from '../options/option.ts';
import { promptIds } from '../tokenizer/prompt.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** Ids in an array or a typed array of integers. */
export type TokenIds = readonly number[] | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

/** Text, or the ids of its tokens. */
export type Prompt = string | TokenIds;

export type Prompts = Prompt | readonly Prompt[];

export const ENCODE_OPTIONS = {
  /**
   * Treat names of special tokens in a text as ordinary text, for texts from users. Default false, unless the tokenizer's configuration
   * sets it.
   */
  splitSpecialTokens: option(kinds.flag, 'special tokens that stand in the text are text like any other'),
};

export interface EncodePromptOptions extends OptionsOf<typeof ENCODE_OPTIONS> {}

const WANTED = 'wanted a text or token ids, as in [1, 2, 3]';

const isIdArray = (value: unknown): value is Exclude<TokenIds, readonly number[]> =>
  ArrayBuffer.isView(value) && !(value instanceof DataView) && typeof (value as Int32Array)[0] !== 'bigint';

/** Returns text, or ids as an array. Throws UsageError on anything else; whether the model has these ids is checked when they are read. */
export function checkPrompt(prompt: unknown): string | readonly number[] {
  if (typeof prompt === 'string') return prompt;
  if (isIdArray(prompt)) return Array.from(prompt);
  if (ArrayBuffer.isView(prompt)) throw new UsageError(`a prompt came as a ${prompt.constructor.name}, ${WANTED}.`);
  if (!Array.isArray(prompt)) throw new UsageError(`a prompt came as ${quote(prompt)}, ${WANTED}.`);
  const strange: unknown = prompt.find((one) => typeof one !== 'number');
  if (strange === undefined && !prompt.includes(undefined)) return prompt;
  if (isMessage(strange)) {
    throw new UsageError(
      'a prompt came as a list of messages: give it as { messages: [...] }, which generate, complete and score take, or write the conversation as ' +
        'the one text that the model expects.',
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

/** Can this not be an element of a list of ids, nor a list of prompts? */
function isNoPrompt(value: unknown): boolean {
  return typeof value !== 'string' && !Array.isArray(value) && !isIdArray(value);
}

function isMessage(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'role' in value && 'content' in value;
}

/**
 * Ids of a prompt, with the tokens that the tokenizer adds in front of a text, unless the text begins with them. Throws UsageError when it
 * is neither text nor ids, and when it is text and there is no tokenizer.
 */
export function encodePrompt(
  opened: Pick<OpenedModel, 'tokenizer'>,
  prompt: Prompt,
  { splitSpecialTokens }: EncodePromptOptions = {},
): readonly number[] {
  return encodeWith((text) => promptIds(tokenizerOf(opened), text, { splitSpecialTokens }), prompt);
}

/** As encodePrompt, for text that continues other text: nothing is added in front. */
export function encodeMore(
  opened: Pick<OpenedModel, 'tokenizer'>,
  prompt: Prompt,
  { splitSpecialTokens }: EncodePromptOptions = {},
): readonly number[] {
  const encode = (text: string) => tokenizerOf(opened).encode(text, { addSpecialTokens: false, splitSpecialTokens });
  return encodeWith(encode, prompt);
}

/** Ids are checked and returned as they are. */
function encodeWith(encode: (text: string) => readonly number[], prompt: Prompt): readonly number[] {
  const checked = checkPrompt(prompt);
  return typeof checked === 'string' ? encode(checked) : checked;
}

function tokenizerOf({ tokenizer }: Pick<OpenedModel, 'tokenizer'>): Tokenizer {
  if (!tokenizer) throw new UsageError('this checkpoint has no tokenizer: give token ids in place of text.');
  return tokenizer;
}

/** Ids of a prompt that continues a state, or begins a text. */
export function encodeFor(
  opened: OpenedModel,
  prompt: Prompt,
  state: { readonly length: number } | undefined,
  options: EncodePromptOptions,
): readonly number[] {
  const encode = state && state.length > 0 ? encodeMore : encodePrompt;
  return encode(opened, prompt, options);
}
