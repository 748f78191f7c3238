/** From the parameters of a request to the options of generation. */
import type { GenerationOptions } from '../../api/generation-options.ts';
import { type Model, partsOf } from '../../api/model.ts';
import type { Interventions } from '../../interventions/interventions.ts';
import { present } from '../../options/check.ts';
import type { FilledOptions } from '../../options/option.ts';
import { badRequest } from '../http/api-error.ts';
import type { NamedModel } from '../models/served-model.ts';
import { changesOf } from './changes.ts';
import type { SAMPLING_PARAMETERS } from './parameters.ts';

export type SamplingRequest = Omit<FilledOptions<typeof SAMPLING_PARAMETERS>, 'stream' | 'n'>;

/**
 * The temperature that is meant: 1 as OpenAI's API has it, unless the model's generation_config.json says how to sample.
 */
const temperatureFor = (model: Model, given: number | undefined): number | undefined =>
  given ?? (partsOf(model).opened.generation.samples ? undefined : 1);

/** Throws ApiError on adapters, interventions and ids that the model does not have. */
export function generationOptionsOf(
  named: NamedModel,
  request: SamplingRequest,
  { maxNewTokens, alternatives }: { readonly maxNewTokens: number; readonly alternatives: number },
): GenerationOptions & { readonly interventions?: Interventions | undefined } {
  const { model } = named;
  const bias = request.logit_bias && biasOf(request.logit_bias, model.facts.vocabSize);
  const given = {
    temperature: temperatureFor(model, request.temperature),
    topP: request.top_p,
    topK: request.top_k,
    minP: request.min_p,
    repetitionPenalty: request.repetition_penalty,
    presencePenalty: request.presence_penalty,
    frequencyPenalty: request.frequency_penalty,
    logitBias: bias,
    stop: request.stop,
    stopIds: request.stop_token_ids,
    ignoreEnd: request.ignore_eos,
    ...changesOf(named, request),
  };
  return { ...present(given), maxNewTokens, alternatives };
}

function biasOf(bias: Readonly<Record<string, number>>, vocabSize: number): ReadonlyMap<number, number> {
  const odd = Array.isArray(bias) ? 'a list' : Object.keys(bias).find((id) => !/^\d+$/.test(id));
  if (odd !== undefined)
    throw badRequest(
      `logit_bias has ${odd}, wanted an object of token ids and numbers.`,
      'logit_bias',
      'invalid_value',
    );
  const entries = Object.entries(bias).map(([id, value]) => [Number(id), value] as const);
  const unknown = entries.find(([id]) => id >= vocabSize);
  if (unknown)
    throw badRequest(
      `logit_bias has id ${unknown[0]}, and the model has ${vocabSize} ids.`,
      'logit_bias',
      'invalid_value',
    );
  return new Map(entries);
}

/** A seed for each of several answers: the first has the given one, so that it is as with n: 1. */
export const seedOf = (seed: number | undefined, index: number): { readonly seed?: number } =>
  seed === undefined ? {} : { seed: (seed + index) % Number.MAX_SAFE_INTEGER };
