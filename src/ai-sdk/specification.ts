/**
 * What the AI SDK wants of a provider: the parts of LanguageModelV3, EmbeddingModelV3 and ProviderV3 (@ai-sdk/provider 3) that are used here. Types of
 * our own, so that the published ones need no further package; tests/ai-sdk/types.test.ts holds them against those of the package `ai`.
 */

export type Json = null | string | number | boolean | { [key: string]: Json | undefined } | Json[];
export type JsonObject = { [key: string]: Json | undefined };

/** By the name of the provider. */
export type ProviderOptions = Record<string, JsonObject>;

export type Warning = { type: 'unsupported'; feature: string; details?: string } | { type: 'other'; message: string };

export interface TextPart {
  type: 'text';
  text: string;
}

/** Of a kind that these models do not read; `type` says which. */
export interface OtherPart<T extends string> {
  type: T;
}

export interface ToolCallPart {
  type: 'tool-call';
  toolCallId: string;
  toolName: string;
  input: unknown;
}

export interface ToolResultPart {
  type: 'tool-result';
  toolCallId: string;
  toolName: string;
  output:
    | { type: 'text'; value: string }
    | { type: 'error-text'; value: string }
    | { type: 'json'; value: Json }
    | { type: 'error-json'; value: Json }
    | { type: 'execution-denied'; reason?: string }
    | { type: 'content'; value: ({ type: 'text'; text: string } | { type: string })[] };
}

export type Message =
  | { role: 'system'; content: string }
  | { role: 'user'; content: (TextPart | OtherPart<'file'>)[] }
  | { role: 'assistant'; content: (TextPart | OtherPart<'file' | 'reasoning'> | ToolCallPart | ToolResultPart)[] }
  | { role: 'tool'; content: (ToolResultPart | OtherPart<'tool-approval-response'>)[] };

export interface FunctionTool {
  type: 'function';
  name: string;
  description?: string;
  inputSchema: object;
}

export interface ProviderTool {
  type: 'provider';
  id: string;
  name: string;
}

export interface LanguageCall {
  prompt: Message[];
  maxOutputTokens?: number;
  temperature?: number;
  stopSequences?: string[];
  topP?: number;
  topK?: number;
  presencePenalty?: number;
  frequencyPenalty?: number;
  responseFormat?: { type: 'text' } | { type: 'json'; schema?: object };
  seed?: number;
  tools?: (FunctionTool | ProviderTool)[];
  toolChoice?: { type: 'auto' | 'none' | 'required' } | { type: 'tool'; toolName: string };
  abortSignal?: AbortSignal;
  providerOptions?: ProviderOptions;
}

export interface ToolCallContent {
  type: 'tool-call';
  toolCallId: string;
  toolName: string;
  /** JSON. */
  input: string;
}

export interface FinishReason {
  unified: 'stop' | 'length' | 'tool-calls' | 'error';
  raw: string | undefined;
}

/** Numbers of tokens. */
export interface Usage {
  inputTokens: {
    total: number;
    noCache: number;
    cacheRead: number;
    cacheWrite: undefined;
  };
  outputTokens: { total: number; text: number; reasoning: undefined };
}

export interface Finish {
  finishReason: FinishReason;
  usage: Usage;
  providerMetadata: { portmanteau: JsonObject };
}

export interface ResponseFacts {
  id: string;
  timestamp: Date;
  modelId: string;
}

export interface LanguageResult extends Finish {
  content: (TextPart | ToolCallContent)[];
  response: ResponseFacts;
  warnings: Warning[];
}

export type StreamPart =
  | { type: 'stream-start'; warnings: Warning[] }
  | ({ type: 'response-metadata' } & ResponseFacts)
  | { type: 'text-start'; id: string }
  | { type: 'text-delta'; id: string; delta: string }
  | { type: 'text-end'; id: string }
  | { type: 'tool-input-start'; id: string; toolName: string }
  | { type: 'tool-input-delta'; id: string; delta: string }
  | { type: 'tool-input-end'; id: string }
  | ToolCallContent
  | { type: 'error'; error: unknown }
  | ({ type: 'finish' } & Finish);

export interface LanguageModelV3 {
  readonly specificationVersion: 'v3';
  readonly provider: string;
  readonly modelId: string;
  readonly supportedUrls: Record<string, RegExp[]>;
  doGenerate(call: LanguageCall): Promise<LanguageResult>;
  doStream(call: LanguageCall): Promise<{ stream: ReadableStream<StreamPart> }>;
}

export interface EmbeddingCall {
  values: string[];
  abortSignal?: AbortSignal;
  providerOptions?: ProviderOptions;
}

export interface EmbeddingModelV3 {
  readonly specificationVersion: 'v3';
  readonly provider: string;
  readonly modelId: string;
  readonly maxEmbeddingsPerCall: number | undefined;
  readonly supportsParallelCalls: boolean;
  doEmbed(call: EmbeddingCall): Promise<{ embeddings: number[][]; usage: { tokens: number }; warnings: Warning[] }>;
}
