/** Parameters that completions and chat have in common. Names and meaning as in OpenAI's API; the last ones are this library's own. */
import * as v from 'valibot';
import { kind, kinds, option } from '../../options/option.ts';
import { SESSION_NAME } from '../sessions/name.ts';

const range = (from: number, to: number) =>
  kind(`a number from ${from} to ${to}`, v.pipe(v.number(), v.minValue(from), v.maxValue(to)));

const bias = kind<Readonly<Record<string, number>>>(
  'an object of token ids and numbers from -100 to 100',
  v.record(v.pipe(v.string(), v.regex(/^\d{1,9}$/)), v.pipe(v.number(), v.minValue(-100), v.maxValue(100))),
);

/** Most interventions of one request; each takes time in every step. */
const MAX_INTERVENTIONS = 256;

const stops = kind<string | readonly string[]>(
  'a text, or a list of at most 16, none of them empty',
  v.union([v.pipe(v.string(), v.minLength(1)), v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.maxLength(16))]),
);

const streamOptions = kind<{
  readonly include_usage?: boolean | undefined;
  readonly include_obfuscation?: false | undefined;
}>(
  'an object with include_usage: true or false',
  v.strictObject({ include_usage: v.optional(v.boolean()), include_obfuscation: v.optional(v.literal(false)) }),
);

const someInterventions = kind<readonly object[] | { readonly interventions: unknown }>(
  `a list of interventions, at most ${MAX_INTERVENTIONS}, or { version: 1, vectors, interventions }`,
  v.union([
    v.pipe(v.array(v.looseObject({})), v.maxLength(MAX_INTERVENTIONS)),
    v.looseObject({ interventions: v.pipe(v.array(v.unknown()), v.maxLength(MAX_INTERVENTIONS)) }),
  ]),
);

const idList = kind<readonly number[]>(
  'a list of token ids',
  v.pipe(v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(0))), v.maxLength(1024)),
);

export const MODEL_PARAMETER = { model: option(kinds.text, 'name of a model, as /v1/models lists it') };

/** What this library's own endpoints also take. */
export const OWN_PARAMETERS = {
  interventions: option(someInterventions, 'changes of values inside of the model, as in a file of interventions'),
  adapter: option(kinds.text, 'name of an adapter that was given when the server was started'),
};

export const SAMPLING_PARAMETERS = {
  temperature: option(range(0, 2), '0: take the most likely token; default 1, or as generation_config.json says'),
  top_p: option(kinds.share, 'sample from the smallest set of tokens with this probability'),
  n: option(kinds.fromOne, 'number of answers', 1),
  stop: option(stops, 'end before this text'),
  seed: option(kinds.seed, 'same seed, same text'),
  presence_penalty: option(range(-2, 2), 'subtracted from the score of every token generated before'),
  frequency_penalty: option(range(-2, 2), 'subtracted from the score of a token, for each time it was generated'),
  logit_bias: option(bias, 'added to the scores of tokens'),
  stream: option(kinds.flag, 'send events while the answer is made', false),
  stream_options: option(streamOptions, 'with stream: include_usage adds an event with the numbers of tokens'),
  user: option(kinds.text, 'not used'),
  top_k: option(kinds.fromZero, 'sample from the k most likely tokens; 0: from all'),
  min_p: option(kinds.share, 'exclude tokens below this share of the largest probability'),
  repetition_penalty: option(kinds.positive, 'above 1: tokens seen before become less likely'),
  stop_token_ids: option(idList, 'end after one of these ids'),
  ignore_eos: option(kinds.flag, "go on after the model's end-of-text"),
  session: option(SESSION_NAME, 'name of a state that is kept between requests'),
  ...OWN_PARAMETERS,
};
