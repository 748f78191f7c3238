/** How requests are answered. */
import { anAdapter } from '../../api/adapter-option.ts';
import { INTERVENTIONS } from '../../api/interventions-option.ts';
import { call, kinds, type OptionsOf, oneOf, option } from '../../options/option.ts';
import type { SoftmaxDtype } from './read-tree.ts';

export const ANSWER_OPTIONS = {
  /** Type of the softmax. bf16 gives the numbers of a model that was loaded as bf16 into the reference: coarse ones, with ties. */
  softmaxDtype: option(
    oneOf<SoftmaxDtype>(['f32', 'bf16']),
    'type of the softmax: bf16 is coarse, as where models run in bf16',
    'f32',
  ),
  /** Most tokens that the model reads; longer texts lose their beginning. Default: as config.json and the tokenizer tell, or else 2048. */
  maxLength: option(
    kinds.fromOne,
    'tokens that the model reads at most; longer texts lose their beginning (default: its context)',
  ),
  /** Tokens of context that each window of a text has at least, where a text is scored as a whole and longer than the model's context. */
  rollingContext: option(kinds.fromOne, 'tokens of context that each window of a long text has at least', 1),
  /** Are beginnings that several texts share read once? The answers are the same. */
  shares: option(kinds.flag, 'read shared beginnings once', true),
  /** Most tokens of one step. */
  stepTokens: option(kinds.fromOne, 'tokens that are computed together', 512),
  /** About the most bytes that the states of texts may take. */
  stateBytes: option(kinds.bytes, 'bytes that states of texts may take', 2 ** 30),
  /** Texts that are generated together. */
  generateTogether: option(kinds.fromOne, 'texts that are generated together', 32),
  interventions: INTERVENTIONS,
  adapter: anAdapter,
  signal: kinds.signal,
  /** Called when a text lost its beginning, with the index of its request and the number of tokens that it lost. */
  onTruncated: call<(index: number, tokens: number) => void>(),
};

export interface AnswerOptions extends OptionsOf<typeof ANSWER_OPTIONS> {}
