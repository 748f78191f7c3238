/** Prompts of a request, as ids that the model has. */
import * as v from 'valibot';
import type { Model } from '../../api/model.ts';
import { UsageError } from '../../base/errors.ts';
import { kind } from '../../options/option.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { Limits } from '../context.ts';
import { badRequest } from '../http/api-error.ts';

const id = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const someIds = v.pipe(v.array(id), v.minLength(1));

export const ONE_PROMPT = kind<string | readonly number[]>(
  'a text or a list of token ids',
  v.union([v.string(), someIds]),
);

export const PROMPTS = kind<string | readonly number[] | readonly (string | readonly number[])[]>(
  'a text, a list of token ids, or a list of one of the two',
  v.union([v.string(), someIds, v.pipe(v.array(v.string()), v.minLength(1)), v.pipe(v.array(someIds), v.minLength(1))]),
);

export interface ReadPrompt {
  readonly ids: readonly number[];
  /** Undefined when it came as ids. */
  readonly text: string | undefined;
}

/** One prompt or several, as a list. */
export function promptList(
  prompts: string | readonly number[] | readonly (string | readonly number[])[],
): readonly (string | readonly number[])[] {
  if (typeof prompts === 'string') return [prompts];
  return typeof prompts[0] === 'number' ? [prompts as readonly number[]] : (prompts as readonly string[]);
}

/** Throws ApiError when the prompt is empty, too long, or has ids that the model lacks. */
export function readPrompt(
  model: Model,
  prompt: string | readonly number[],
  limits: Limits,
  param = 'prompt',
): ReadPrompt {
  const { vocabSize } = model.facts;
  if (typeof prompt === 'string') checkLength(model, prompt.length, limits, param);
  const ids = encoded(model, prompt, param);
  const most = mostTokens(model, limits);
  if (ids.length === 0)
    throw badRequest('the prompt is empty; give at least one character or id.', param, 'invalid_value');
  if (ids.length > most)
    throw badRequest(
      `the prompt has ${ids.length} tokens, and ${most} are the most ${most === model.facts.contextLength ? 'that the model reads' : 'here'}.`,
      param,
      TOO_LONG,
    );
  const unknown = ids.find((one) => one >= vocabSize);
  if (unknown !== undefined)
    throw badRequest(`the prompt has id ${unknown}, and the model has ${vocabSize} ids.`, param, 'invalid_value');
  return { ids, text: typeof prompt === 'string' ? prompt : undefined };
}

/** Code of errors. */
export const TOO_LONG = 'context_length_exceeded';

/** Most tokens of a prompt. */
export const mostTokens = (
  { facts: { contextLength = Number.POSITIVE_INFINITY } }: Model,
  { maxPromptTokens }: Limits,
): number => Math.min(contextLength, maxPromptTokens ?? Number.POSITIVE_INFINITY);

/** Tokens of white space may be longer than those of the vocabulary, where a tokenizer takes several together. */
const SLACK = 4;

const longestTokens = new WeakMap<Tokenizer, number>();

/**
 * Throws ApiError when so many characters must be more tokens than there may be. Known before they are encoded, which for megabytes takes seconds in
 * which nobody else is served.
 */
export function checkLength(model: Model, characters: number, limits: Limits, param: string): void {
  const { tokenizer } = model;
  const most = mostTokens(model, limits);
  if (!tokenizer || !Number.isFinite(most)) return;
  let longest = longestTokens.get(tokenizer);
  if (longest === undefined) {
    longest = 1;
    for (let id = 0; id < tokenizer.vocabSize; id++)
      longest = Math.max(longest, tokenizer.bytes(id)?.length ?? 0, tokenizer.piece(id).length);
    longestTokens.set(tokenizer, longest);
  }
  if (characters <= SLACK * longest * most) return;
  throw badRequest(
    `${param} has ${characters} characters, which are more than ${most} tokens, the most here.`,
    param,
    TOO_LONG,
  );
}

function encoded(model: Model, prompt: string | readonly number[], param: string): readonly number[] {
  try {
    return model.encode(prompt);
  } catch (error) {
    if (error instanceof UsageError) throw badRequest(error.message, param, 'invalid_value');
    throw error;
  }
}

/** The text of ids with special tokens by their names. */
export const textOfIds = (model: Model, ids: readonly number[]): string =>
  model.tokenizer?.decode(ids, { skipSpecialTokens: false }) ?? '';
