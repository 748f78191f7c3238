/** The provider's own types are those of the AI SDK: what does not fit is an error of the compiler, and its values are what the types say. */
import type { EmbeddingModel, LanguageModel, Provider } from 'ai';
import { expect, expectTypeOf, test } from 'vitest';
import type { EmbeddingModelV3, LanguageModelV3, PortmanteauProvider } from '../../src/ai-sdk/index.ts';

type RealLanguageModel = Extract<LanguageModel, { readonly specificationVersion: 'v3' }>;
type RealEmbeddingModel = Extract<EmbeddingModel, { readonly specificationVersion: 'v3' }>;
type CallOf<T> = T extends (call: infer C) => unknown ? C : never;

test('models and provider are those that the AI SDK takes', () => {
  expectTypeOf<RealLanguageModel>().not.toBeNever();
  expectTypeOf<RealEmbeddingModel>().not.toBeNever();
  expectTypeOf<LanguageModelV3>().toExtend<RealLanguageModel>();
  expectTypeOf<EmbeddingModelV3>().toExtend<RealEmbeddingModel>();
  expectTypeOf<PortmanteauProvider>().toExtend<Provider>();
  expect('v3' satisfies LanguageModelV3['specificationVersion']).toBe('v3');
});

test('calls of the AI SDK are calls that the models take, also where methods are compared strictly', () => {
  type RealCall = CallOf<RealLanguageModel['doGenerate']>;
  expectTypeOf<RealCall>().toExtend<CallOf<LanguageModelV3['doGenerate']>>();
  expectTypeOf<CallOf<RealEmbeddingModel['doEmbed']>>().toExtend<CallOf<EmbeddingModelV3['doEmbed']>>();
  expectTypeOf<Awaited<ReturnType<LanguageModelV3['doStream']>>>().toExtend<
    Awaited<ReturnType<RealLanguageModel['doStream']>>
  >();
});
