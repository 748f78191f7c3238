/** From a call of the AI SDK to a prompt and the options of generation. */
import type { PromptOptions } from '../api/generation-call.ts';
import { type ChatOptions, renderChat } from '../api/messages.ts';
import { type Model, partsOf } from '../api/model.ts';
import { UsageError } from '../base/errors.ts';
import { present } from '../options/check.ts';
import { preparedMask } from '../structured/masks.ts';
import { chatMessages } from './messages.ts';
import { callOptions, type PortmanteauSettings } from './settings.ts';
import type { FunctionTool, LanguageCall, Warning } from './specification.ts';
import { formOf, templateTools, usableTools } from './tools.ts';

/** Most tokens of an answer when nothing says how many. */
const NEW_TOKENS = 1024;

export interface PreparedCall {
  readonly ids: readonly number[];
  readonly options: PromptOptions;
  /** May the answer have calls of functions? */
  readonly tools: boolean;
  readonly logprobs: boolean;
  readonly warnings: Warning[];
}

/** Throws UsageError on what is wrong in a call, or cannot be done; what would only be nicer is a warning. */
export async function prepareCall(
  model: Model,
  settings: PortmanteauSettings,
  call: LanguageCall,
): Promise<PreparedCall> {
  const warnings: Warning[] = [];
  const said = {
    maxNewTokens: call.maxOutputTokens,
    temperature: call.temperature,
    topP: call.topP,
    topK: call.topK,
    presencePenalty: call.presencePenalty,
    frequencyPenalty: call.frequencyPenalty,
    seed: call.seed,
    stop: call.stopSequences,
    signal: call.abortSignal,
  };
  const { template, documents, variables, continueFinalMessage, logprobs, ...options } = callOptions(
    settings,
    said,
    call.providerOptions,
  );
  const tools = usableTools(call, warnings);
  const chat = present({ template, documents, variables, continueFinalMessage });
  const ids = await promptIds(model, { call, chat, tools, warnings, splitSpecialTokens: options.splitSpecialTokens });
  const form = formOf(call, tools);
  const mask = form === undefined ? options.mask : await preparedMask(model.tokenizer, form);
  return {
    ids,
    options: present({ maxNewTokens: usualLimit(model, options), ...options, mask }),
    tools: tools.length > 0,
    logprobs: logprobs === true || (options.alternatives ?? 0) > 0,
    warnings,
  };
}

/** What holds when nothing says how many tokens to write. */
function usualLimit(model: Model, { maxLength }: PromptOptions): number | undefined {
  const { options } = partsOf(model).opened.generation;
  const isSaid = maxLength !== undefined || options.maxLength !== undefined || options.maxNewTokens !== undefined;
  return isSaid ? undefined : NEW_TOKENS;
}

interface Conversation {
  readonly call: LanguageCall;
  readonly chat: ChatOptions;
  readonly tools: readonly FunctionTool[];
  readonly warnings: Warning[];
  readonly splitSpecialTokens: boolean | undefined;
}

/** By the chat template; a model without one goes on with the text of a single message. */
async function promptIds(
  model: Model,
  { call, chat, tools, warnings, splitSpecialTokens }: Conversation,
): Promise<readonly number[]> {
  const { opened } = partsOf(model);
  const messages = chatMessages(call.prompt, warnings);
  const found = typeof chat.template === 'object' ? chat.template : await opened.chatTemplate();
  if (found) {
    if (tools.length > 0 && !found.source.includes('tools'))
      warnings.push({
        type: 'unsupported',
        feature: 'tools',
        details: 'the chat template does not show them to the model',
      });
    const shown = tools.length > 0 ? { tools: templateTools(tools) } : {};
    return (await renderChat(opened, { messages, ...chat, ...shown, addGenerationPrompt: true })).ids;
  }
  const [first, ...others] = messages;
  if (first?.role === 'user' && typeof first.content === 'string' && others.length === 0) {
    if (tools.length > 0)
      warnings.push({
        type: 'unsupported',
        feature: 'tools',
        details: 'a model without a chat template is not shown any',
      });
    return model.encode(first.content, present({ splitSpecialTokens }));
  }
  throw new UsageError(
    'this model has no chat template, so it only continues texts: give the text as `prompt` alone, without system or further messages; use an ' +
      'instruct model; or give a template: portmanteau(model, { template: await createChatTemplate(source) }).',
  );
}
