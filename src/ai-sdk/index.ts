/** The entry `portmanteau/ai-sdk`: a provider for the AI SDK that computes in this process, in Node and in browsers. docs/ai-sdk.md. */
export {
  createPortmanteau,
  type ModelSource,
  type PortmanteauProvider,
  type PortmanteauProviderSettings,
  portmanteau,
} from './provider.ts';
export type { PortmanteauCallOptions, PortmanteauEmbeddingSettings, PortmanteauSettings } from './settings.ts';
export type { EmbeddingModelV3, LanguageModelV3 } from './specification.ts';
