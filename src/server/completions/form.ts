/** The parameters of /v1/completions. */
import { kinds, option } from '../../options/option.ts';
import type { RequestForm, RequestOf } from '../requests/check-request.ts';
import { MODEL_PARAMETER, SAMPLING_PARAMETERS } from '../requests/parameters.ts';
import { PROMPTS } from '../requests/prompts.ts';

const PARAMETERS = {
  ...MODEL_PARAMETER,
  prompt: option(PROMPTS, 'what is to be continued'),
  max_tokens: option(kinds.fromZero, 'most tokens to add', 16),
  echo: option(kinds.flag, 'give the prompt back in front of the answer', false),
  logprobs: option(kinds.fromZero, 'natural log-probabilities, with so many of the most likely tokens'),
  best_of: option(kinds.fromOne, 'number of answers to make, of which the n most likely are given'),
  ...SAMPLING_PARAMETERS,
};

export const COMPLETION_FORM = {
  parameters: PARAMETERS,
  required: ['model', 'prompt'],
  unsupported: {
    suffix: { reason: 'these models only continue a text', unless: [''] },
    store: { reason: 'nothing is stored', unless: [false] },
    metadata: { reason: 'nothing is stored', unless: [{}] },
  },
} as const satisfies RequestForm<typeof PARAMETERS, 'model' | 'prompt'>;

export type CompletionRequest = RequestOf<RequestForm<typeof PARAMETERS, 'model' | 'prompt'>>;
