/**
 * Divides a text that is longer than a model's context into windows. Each window begins with the tokens that the tokenizer adds in front of
 * a text, and predicts those tokens that no earlier window has read. Each begins `stride` tokens after the one before. With a stride as
 * long as a window they do not overlap; with a shorter one, tokens are predicted from more context.
 */

import { UsageError } from '../base/errors.ts';
import type { OpenedModel } from '../loader/open.ts';
import { kinds, type OptionsOf, option } from '../options/option.ts';
import { checkSequences } from '../runtime/engine.ts';
import { ENCODE_OPTIONS, type EncodePromptOptions, encodePrompt, type Prompt } from './prompt.ts';

export const WINDOW_OPTIONS = {
  ...ENCODE_OPTIONS,
  /** Tokens of one window, including those that the tokenizer adds in front. Default: the model's context. */
  window: option(kinds.fromOne, "read the text in windows of n tokens (default: all at once, or the model's context)"),
  /** Tokens from the start of one window to the next. Default: a whole window, so that none overlap. */
  stride: option(
    kinds.fromOne,
    'tokens from one window to the next; less than a window lets them overlap (default: they do not)',
  ),
};

export interface WindowOptions extends EncodePromptOptions, OptionsOf<typeof WINDOW_OPTIONS> {}

export interface Window {
  /** Ids that the model reads. */
  readonly ids: readonly number[];
  /** Index in `ids` of the first token that no earlier window has. */
  readonly first: number;
  /** Index of that token in the whole text. */
  readonly at: number;
}

export interface Windows {
  /** Number of tokens that the tokenizer adds in front of a text. */
  readonly front: number;
  readonly window: number;
  readonly stride: number;
  readonly windows: readonly Window[];
}

/**
 * The windows of a prompt. Without the option `window`, there is one window if the text fits into the context. Throws UsageError on ids
 * that the model does not have, and on a wrong window or stride, also before the weights are loaded.
 */
export function windowsOf(opened: OpenedModel, prompt: Prompt, options: WindowOptions = {}): Windows {
  const ids = encodePrompt(opened, prompt, options);
  const { vocabSize, contextLength: most = Number.POSITIVE_INFINITY } = opened.model.facts;
  checkSequences({ vocabSize, contextLength: undefined }, [{ ids }]);
  const front = typeof prompt === 'string' ? (opened.tokenizer?.frontIds.length ?? 0) : 0;
  const { window = Math.min(ids.length, most) } = options;
  const isWhole = options.window === undefined && ids.length <= most;
  if (!isWhole && !(Number.isInteger(window) && window >= front + 2 && window <= most)) {
    const upTo = Number.isFinite(most) ? ` and at most the model's context, ${most}` : '';
    throw new UsageError(
      `the window came as ${window}, wanted a whole number of tokens, ${front + 2} at least${upTo}.`,
    );
  }
  const room = window - front; // for new tokens and their context
  const { stride = Math.max(1, room) } = options;
  if (!Number.isInteger(stride) || stride < 1 || (stride > room && !isWhole)) {
    throw new UsageError(
      `the stride came as ${stride}, wanted a whole number of tokens from 1 to ${room}: a window's, less the ${front} in front.`,
    );
  }
  return { front, window, stride, windows: cut(ids, front, room, stride) };
}

function cut(ids: readonly number[], front: number, room: number, stride: number): Window[] {
  const windows: Window[] = [{ ids: ids.slice(0, front + room), first: 0, at: 0 }];
  for (let begin = stride; begin - stride + room < ids.length - front; begin += stride) {
    const from = front + begin; // index in all ids
    const at = from - stride + room;
    windows.push({ ids: [...ids.slice(0, front), ...ids.slice(from, from + room)], first: front + at - from, at });
  }
  return windows;
}
