/** The form of an answer, as a mask of the tokens that may come next. */
import { quote, UsageError } from '../../base/errors.ts';
import { type AnswerWish, answerForm } from '../../chat/answer-form.ts';
import type { TokenMask } from '../../sampler/mask.ts';
import { preparedMask } from '../../structured/masks.ts';
import type { JsonSchema } from '../../structured/schema.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import { badRequest } from '../http/api-error.ts';
import type { ChatRequest } from './form.ts';

/** Tools that the model is shown. */
export const shownTools = ({ tools = [], tool_choice }: ChatRequest) => (tool_choice === 'none' ? [] : tools);

/** Undefined for any text. Throws ApiError on a schema that is wrong, or has what is not supported, and on calls of tools that are not there. */
export async function maskOf(tokenizer: Tokenizer | undefined, request: ChatRequest): Promise<TokenMask | undefined> {
  const wish = wishOf(request);
  try {
    const form = answerForm(wish);
    return form === undefined ? undefined : await preparedMask(tokenizer, form);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw badRequest(error.message, wish.mustCall ? 'tools' : 'response_format', 'invalid_value');
  }
}

function wishOf(request: ChatRequest): AnswerWish {
  const { response_format, tool_choice } = request;
  const functions = shownTools(request).map((tool) => tool.function);
  const named = typeof tool_choice === 'object' ? tool_choice.function.name : undefined;
  const tools = named === undefined ? functions : functions.filter(({ name }) => name === named);
  const mustCall = named !== undefined || tool_choice === 'required';
  if (mustCall && tools.length === 0) {
    const missing = named === undefined ? 'tools is empty' : `tools has no function ${quote(named)}`;
    throw badRequest(`tool_choice wants a call, and ${missing}.`, 'tool_choice', 'invalid_value');
  }
  return { tools, mustCall, format: schemaOf(response_format) };
}

function schemaOf(format: ChatRequest['response_format']): JsonSchema | undefined {
  if (format === undefined || format.type === 'text') return undefined;
  return format.type === 'json_object' ? { type: 'object' } : (format.json_schema.schema ?? true);
}
