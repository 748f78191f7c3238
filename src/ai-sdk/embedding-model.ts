/** Vectors of texts for the AI SDK: the values of a site of a model. */
import { embed } from '../api/embed.ts';
import type { Model } from '../api/model.ts';
import { PROVIDER } from './language-model.ts';
import { embeddingOptions, type PortmanteauEmbeddingSettings } from './settings.ts';
import type { EmbeddingCall, EmbeddingModelV3, Warning } from './specification.ts';

export class PortmanteauEmbeddingModel implements EmbeddingModelV3 {
  readonly specificationVersion = 'v3';
  readonly provider = PROVIDER;
  readonly modelId: string;
  readonly maxEmbeddingsPerCall = undefined;
  readonly supportsParallelCalls = true;
  readonly #model: Model;
  readonly #settings: PortmanteauEmbeddingSettings;

  constructor(model: Model, settings: PortmanteauEmbeddingSettings) {
    this.modelId = settings.id ?? model.family;
    this.#model = model;
    this.#settings = settings;
    this.doEmbed = this.doEmbed.bind(this); // the AI SDK calls it on a Proxy, which has no private fields
  }

  /** Rejects with UsageError on options that are wrong and texts without a token, and with the reason of an abort. */
  async doEmbed({ values, abortSignal: signal, providerOptions }: EmbeddingCall): Promise<{
    embeddings: number[][];
    usage: { tokens: number };
    warnings: Warning[];
  }> {
    const options = { ...embeddingOptions(this.#settings, providerOptions), ...(signal ? { signal } : {}) };
    const prompts = values.map((text) => this.#model.encode(text));
    const embeddings: number[][] = [];
    for (const ids of prompts) embeddings.push([...(await embed(this.#model, ids, options))]);
    return { embeddings, usage: { tokens: prompts.reduce((sum, ids) => sum + ids.length, 0) }, warnings: [] };
  }
}
