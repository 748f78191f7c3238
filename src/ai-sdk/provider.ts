/** The provider: models of this library, by themselves or by names, for the AI SDK. */
import { Model } from '../api/model.ts';
import { quote, UsageError } from '../base/errors.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { PortmanteauEmbeddingModel } from './embedding-model.ts';
import { PortmanteauLanguageModel } from './language-model.ts';
import {
  checkEmbeddingSettings,
  checkSettings,
  type PortmanteauEmbeddingSettings,
  type PortmanteauSettings,
} from './settings.ts';
import type { EmbeddingModelV3, LanguageModelV3 } from './specification.ts';

/** A loaded model, or the scheduler of one. */
export type ModelSource = Model | Scheduler;

export interface PortmanteauProvider {
  /** A language model: as `languageModel`. */
  (model: ModelSource | string, settings?: PortmanteauSettings): LanguageModelV3;
  readonly specificationVersion: 'v3';
  /**
   * A loaded model, or the name of one of those that the provider was made with, for generateText and the like. All calls of a model share its steps
   * (`Scheduler`); give a scheduler to choose its options. Throws UsageError on wrong settings and unknown names.
   */
  languageModel(model: ModelSource | string, settings?: PortmanteauSettings): LanguageModelV3;
  /** The same for `embed` and `embedMany`. */
  embeddingModel(model: ModelSource | string, settings?: PortmanteauEmbeddingSettings): EmbeddingModelV3;
  /** Always throws UsageError: there are no such models. */
  imageModel(model: string): never;
}

export interface PortmanteauProviderSettings {
  /** Models by names, so that a name stands for a model, as in registries of the AI SDK. */
  readonly models?: Readonly<Record<string, ModelSource>> | undefined;
}

const schedulers = new WeakMap<Model, Scheduler>();

/** The scheduler that all providers use for a model. It ends with the model. */
function schedulerOf(source: ModelSource): Scheduler {
  if (source instanceof Scheduler) return source;
  const scheduler = schedulers.get(source) ?? new Scheduler(source);
  schedulers.set(source, scheduler);
  return scheduler;
}

/** A provider with models of its own. */
export function createPortmanteau({ models = {} }: PortmanteauProviderSettings = {}): PortmanteauProvider {
  for (const [name, source] of Object.entries(models)) checkSource(source, `models.${name}`);
  const find = (given: ModelSource | string): { readonly source: ModelSource; readonly named: { id?: string } } => {
    if (typeof given !== 'string') return { source: checkSource(given, 'the model'), named: {} };
    const source = Object.hasOwn(models, given) ? models[given] : undefined;
    if (source) return { source, named: { id: given } };
    const known = Object.keys(models);
    const has =
      known.length > 0 ? `it has ${known.join(', ')}` : 'give a loaded model, or createPortmanteau({ models })';
    throw new UsageError(`this provider has no model ${quote(given)}; ${has}.`);
  };
  const languageModel = (model: ModelSource | string, settings: PortmanteauSettings = {}) => {
    const { source, named } = find(model);
    checkSettings(settings);
    return new PortmanteauLanguageModel(schedulerOf(source), { ...named, ...settings });
  };
  const embeddingModel = (model: ModelSource | string, settings: PortmanteauEmbeddingSettings = {}) => {
    const { source, named } = find(model);
    checkEmbeddingSettings(settings);
    return new PortmanteauEmbeddingModel(schedulerOf(source).model, { ...named, ...settings });
  };
  const imageModel = (): never => {
    throw new UsageError('these models make no images.');
  };
  const provider = (model: ModelSource | string, settings?: PortmanteauSettings) => languageModel(model, settings);
  return Object.assign(provider, { specificationVersion: 'v3' as const, languageModel, embeddingModel, imageModel });
}

function checkSource(source: unknown, place: string): ModelSource {
  if (source instanceof Model || source instanceof Scheduler) return source;
  throw new UsageError(
    `${place} came as ${quote(source)}, wanted a loaded model, as fromPretrained() gives (await it), or a Scheduler, of this same package.`,
  );
}

/** The provider for models that are given by themselves: `generateText({ model: portmanteau(model), prompt })`. */
export const portmanteau: PortmanteauProvider = /* @__PURE__ */ createPortmanteau();
