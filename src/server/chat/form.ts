/** The parameters of /v1/chat/completions. */
import * as v from 'valibot';
import { kind, kinds, option } from '../../options/option.ts';
import type { JsonSchema } from '../../structured/schema.ts';
import type { ChatMessage } from '../../tokenizer/chat-template.ts';
import type { RequestForm, RequestOf } from '../requests/check-request.ts';
import { MODEL_PARAMETER, SAMPLING_PARAMETERS } from '../requests/parameters.ts';

const messages = kind<readonly ChatMessage[]>(
  'a list of messages, each { "role": a text, "content": a text }, at least one',
  v.pipe(v.array(v.looseObject({ role: v.string(), content: v.optional(v.unknown()) })), v.minLength(1)),
);

export interface Tool {
  readonly type: 'function';
  readonly function: { readonly name: string; readonly parameters?: unknown };
}

const tools = kind<readonly Tool[]>(
  'a list of { "type": "function", "function": { "name", "parameters" } }',
  v.array(
    v.looseObject({
      type: v.literal('function'),
      function: v.looseObject({
        name: v.string(),
        description: v.optional(v.unknown()),
        parameters: v.optional(v.unknown()),
      }),
    }),
  ),
);

const variables = kind<Readonly<Record<string, unknown>>>('an object', v.record(v.string(), v.unknown()));

export type ToolChoice =
  | 'auto'
  | 'none'
  | 'required'
  | { readonly type: 'function'; readonly function: { readonly name: string } };

const toolChoice = kind<ToolChoice>(
  'auto, none, required or { "type": "function", "function": { "name" } }',
  v.union([
    v.picklist(['auto', 'none', 'required']),
    v.strictObject({ type: v.literal('function'), function: v.strictObject({ name: v.string() }) }),
  ]),
);

export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | { readonly type: 'json_schema'; readonly json_schema: { readonly schema?: JsonSchema | undefined } };

const schema = v.custom<JsonSchema>(
  (value) => typeof value === 'boolean' || (Object(value) === value && !Array.isArray(value)),
);

const format = kind<ResponseFormat>(
  '{ "type": "text" }, { "type": "json_object" } or { "type": "json_schema", "json_schema": { "name", "schema" } }',
  v.variant('type', [
    v.strictObject({ type: v.literal('text') }),
    v.strictObject({ type: v.literal('json_object') }),
    v.strictObject({
      type: v.literal('json_schema'),
      json_schema: v.strictObject({
        name: v.optional(v.string()),
        description: v.optional(v.string()),
        schema: v.optional(schema),
        strict: v.optional(v.nullable(v.boolean())),
      }),
    }),
  ]),
);

const PARAMETERS = {
  ...MODEL_PARAMETER,
  messages: option(messages, 'the conversation so far'),
  max_completion_tokens: option(kinds.fromOne, 'most tokens to add; default 1024'),
  max_tokens: option(kinds.fromOne, 'older name of max_completion_tokens'),
  logprobs: option(kinds.flag, 'natural log-probabilities of the tokens', false),
  top_logprobs: option(kinds.fromZero, 'with logprobs: so many of the most likely tokens'),
  tools: option(tools, 'functions that the model may call'),
  tool_choice: option(toolChoice, 'none: without the tools; required, or a tool by its name: the answer is a call'),
  parallel_tool_calls: option(
    kinds.flag,
    'an answer may have several calls; otherwise it is cut after the first',
    true,
  ),
  response_format: option(format, 'form of the answer'),
  chat_template_kwargs: option(variables, 'variables for the chat template'),
  ...SAMPLING_PARAMETERS,
};

const STORED = 'nothing is stored';
const TEXT_ONLY = 'these models read and write text only';

export const CHAT_FORM = {
  parameters: PARAMETERS,
  required: ['model', 'messages'],
  unsupported: {
    store: { reason: STORED, unless: [false] },
    metadata: { reason: STORED, unless: [{}] },
    modalities: { reason: TEXT_ONLY, unless: [['text']] },
    audio: { reason: TEXT_ONLY },
    prediction: { reason: 'answers are not predicted' },
    functions: { reason: "it is OpenAI's older form: use tools", unless: [[]] },
    function_call: { reason: "it is OpenAI's older form: use tool_choice", unless: ['none', 'auto'] },
    reasoning_effort: { reason: 'these models do not reason in a part of its own' },
    verbosity: { reason: 'say in the messages how long the answer should be', unless: ['medium'] },
    service_tier: { reason: 'all requests are treated alike', unless: ['auto', 'default'] },
    web_search_options: { reason: 'the server looks up nothing' },
    prompt_cache_retention: { reason: 'the cache keeps what was used last' },
    prompt_cache_options: { reason: 'the cache keeps what was used last' },
    moderation: { reason: 'nothing is moderated' },
    prompt_cache_key: { reason: 'all prompts share a cache; a session keeps a state' },
    safety_identifier: { reason: 'users are not told apart' },
  },
} as const satisfies RequestForm<typeof PARAMETERS, 'model' | 'messages'>;

export type ChatRequest = RequestOf<RequestForm<typeof PARAMETERS, 'model' | 'messages'>>;
