/** Messages in the form of OpenAI's API as chat templates read them. */
import { quote, UsageError } from '../base/errors.ts';
import type { ChatMessage } from '../tokenizer/chat-template.ts';

/**
 * Contents that are lists of texts become one text, absent ones an empty text, and the arguments of calls, which the API has as JSON text, become
 * values, as vLLM does. Throws UsageError with the place of a part that is no text.
 */
export function templateMessages(messages: readonly ChatMessage[]): ChatMessage[] {
  return messages.map((message, i) => ({
    ...message,
    content: contentOf(message.content, `messages[${i}].content`),
    ...(Array.isArray(message.tool_calls) ? { tool_calls: message.tool_calls.map(withValues) } : {}),
  }));
}

function contentOf(content: unknown, place: string): string {
  if (typeof content === 'string') return content;
  if (content === undefined || content === null) return '';
  if (!Array.isArray(content)) throw new UsageError(`${place} came as ${quote(content)}, wanted a text.`);
  return content
    .map((part: unknown, i) => {
      if (typeof part === 'string') return part;
      const { type, text } = Object(part) as Record<string, unknown>;
      if (typeof text === 'string' && (type === 'text' || type === 'input_text' || type === 'output_text')) return text;
      throw new UsageError(`${place}[${i}] is of type ${quote(type)}: these models read text only.`);
    })
    .join('\n');
}

function withValues(call: unknown): unknown {
  const { function: called, ...rest } = Object(call) as { readonly function?: Record<string, unknown> };
  if (typeof called?.arguments !== 'string') return call;
  try {
    return { ...rest, function: { ...called, arguments: JSON.parse(called.arguments) as unknown } };
  } catch {
    return call; // a template may write it as it is
  }
}
