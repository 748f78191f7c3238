/** The options of a model for the AI SDK: settings when it is made, and `providerOptions.portmanteau` of a call. */
import { Adapter } from '../adapters/adapter.ts';
import { EMBED_OPTIONS } from '../api/embed.ts';
import { PROMPT_OPTIONS, type PromptOptions } from '../api/generation-call.ts';
import { CHAT_OPTIONS } from '../api/messages.ts';
import { quote, UsageError } from '../base/errors.ts';
import type { InterventionsOption } from '../interventions/compile.ts';
import { withInlineVectors } from '../interventions/inline-vectors.ts';
import { checkOptions, present } from '../options/check.ts';
import { jsonObject, kinds, type OptionsOf, option, ownKind } from '../options/option.ts';
import type { ProviderOptions } from './specification.ts';

const someInterventions = ownKind<InterventionsOption | object>(
  'a list of interventions, or { version: 1, vectors, interventions }',
  (value) => typeof value === 'object' && value !== null,
);

const adapterOrName = ownKind<Adapter | string>(
  "an Adapter, as loadAdapter() gives, or the name of one of the setting 'adapters'",
  (value) => typeof value === 'string' || value instanceof Adapter,
);

/** What settings and calls have beside the options of what is made. */
const CHANGES = {
  /** Interventions on the model's values. `vectors` may also be an object of names and lists of numbers, which is JSON. */
  interventions: someInterventions,
  /** An adapter of this model, or the name of one of `adapters`. */
  adapter: adapterOrName,
};

const { state, signal, cache, interventionsOf, adapterOf, ...generation } = PROMPT_OPTIONS;
const { tools, addGenerationPrompt, ...chat } = CHAT_OPTIONS;

export const CALL_OPTIONS = {
  ...generation,
  ...chat,
  ...CHANGES,
  /** Reports the log-probability of each token, and with `alternatives` those of the likeliest ones, in providerMetadata.portmanteau.logprobs. */
  logprobs: option(kinds.flag, 'log-probabilities of the tokens', false),
};

/** `providerOptions.portmanteau` of a call. What is given there precedes the settings, and the settings of the AI SDK. */
export interface PortmanteauCallOptions extends OptionsOf<typeof CALL_OPTIONS> {}

const MODEL_SETTINGS = {
  /** Name of the model in results and logs. Default: the family of the model. */
  id: kinds.text,
  /** Adapters by names, by which calls choose one. */
  adapters: jsonObject<Readonly<Record<string, Adapter>>>(),
};

const LANGUAGE_SETTINGS = { ...MODEL_SETTINGS, ...CALL_OPTIONS };

/** What holds for all calls of a model, unless a call says otherwise. */
export interface PortmanteauSettings extends OptionsOf<typeof LANGUAGE_SETTINGS> {}

const { signal: _, ...embedding } = EMBED_OPTIONS;
const EMBEDDING_OPTIONS = { ...embedding, ...CHANGES };
const EMBEDDING_SETTINGS = { ...MODEL_SETTINGS, ...EMBEDDING_OPTIONS };

export interface PortmanteauEmbeddingSettings extends OptionsOf<typeof EMBEDDING_SETTINGS> {}

export function checkSettings(settings: PortmanteauSettings): void {
  checkOptions('portmanteau', settings, LANGUAGE_SETTINGS);
}

export function checkEmbeddingSettings(settings: PortmanteauEmbeddingSettings): void {
  checkOptions('embeddingModel', settings, EMBEDDING_SETTINGS);
}

/** The options of a call: the settings, then what a call says in the words of the AI SDK, then providerOptions.portmanteau. Throws UsageError. */
export function callOptions(
  { id, adapters, ...settings }: PortmanteauSettings,
  said: PromptOptions,
  given: ProviderOptions | undefined,
) {
  const own = present(given?.portmanteau) as PortmanteauCallOptions;
  checkOptions('providerOptions.portmanteau', own, CALL_OPTIONS);
  return resolved({ ...present(settings), ...present(said), ...own }, adapters);
}

/** As callOptions, for embeddings. */
export function embeddingOptions(
  { id, adapters, ...settings }: PortmanteauEmbeddingSettings,
  given: ProviderOptions | undefined,
) {
  const own = present(given?.portmanteau);
  checkOptions('providerOptions.portmanteau', own, EMBEDDING_OPTIONS);
  return resolved({ ...present(settings), ...(own as typeof settings) }, adapters);
}

function resolved<O extends OptionsOf<typeof CHANGES>>(
  { interventions, adapter, ...rest }: O,
  adapters: Readonly<Record<string, Adapter>> = {},
) {
  const changes: { interventions?: InterventionsOption; adapter?: Adapter } = {};
  if (interventions) changes.interventions = withInlineVectors(interventions);
  if (adapter !== undefined) changes.adapter = typeof adapter === 'string' ? adapterNamed(adapter, adapters) : adapter;
  return { ...rest, ...changes };
}

function adapterNamed(name: string, adapters: Readonly<Record<string, Adapter>>): Adapter {
  const found = Object.hasOwn(adapters, name) ? adapters[name] : undefined;
  if (found) return found;
  const known = Object.keys(adapters);
  const has = known.length > 0 ? `the setting 'adapters' has ${known.join(', ')}` : "the setting 'adapters' has none";
  throw new UsageError(`adapter came as ${quote(name)}, and ${has}.`);
}
