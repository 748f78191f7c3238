/** Messages of the AI SDK as chat templates read them. */
import { UsageError } from '../base/errors.ts';
import type { ChatMessage } from '../tokenizer/chat-template.ts';
import type { Message, ToolResultPart, Warning } from './specification.ts';

/**
 * The texts, calls and results of messages. Results of tools become messages of their own. Reasoning is left out, with a warning. Throws UsageError
 * on files.
 */
export function chatMessages(prompt: readonly Message[], warnings: Warning[]): ChatMessage[] {
  return prompt.flatMap((message): ChatMessage[] => {
    if (message.role === 'system') return [{ role: 'system', content: message.content }];
    if (message.role === 'user') return [{ role: 'user', content: textOf(message.content, warnings) }];
    const results = message.content.filter((part) => part.type === 'tool-result').map(resultMessage);
    if (message.role === 'tool') return results;
    const calls = message.content.flatMap((part) =>
      part.type === 'tool-call'
        ? [{ id: part.toolCallId, type: 'function', function: { name: part.toolName, arguments: part.input } }]
        : [],
    );
    const content = textOf(message.content, warnings);
    return [{ role: 'assistant', content, ...(calls.length > 0 ? { tool_calls: calls } : {}) }, ...results];
  });
}

function textOf(parts: readonly { readonly type: string; readonly text?: string }[], warnings: Warning[]): string {
  if (parts.some(({ type }) => type === 'file'))
    throw new UsageError('a message has a file: these models read text only. Give the content of the file as text.');
  if (parts.some(({ type }) => type === 'reasoning'))
    warnings.push({ type: 'unsupported', feature: 'reasoning', details: 'reasoning in messages is left out' });
  return parts
    .filter(({ type }) => type === 'text')
    .map(({ text }) => text)
    .join('');
}

const resultMessage = ({ toolCallId, toolName, output }: ToolResultPart): ChatMessage => ({
  role: 'tool',
  tool_call_id: toolCallId,
  name: toolName,
  content: resultText(output),
});

function resultText(output: ToolResultPart['output']): string {
  switch (output.type) {
    case 'text':
    case 'error-text':
      return output.value;
    case 'json':
    case 'error-json':
      return JSON.stringify(output.value);
    case 'execution-denied':
      return output.reason ?? 'Execution was denied.';
    case 'content':
      return output.value
        .map((part) => {
          if ('text' in part) return part.text;
          throw new UsageError(`the result of a tool has a part of type ${part.type}: these models read text only.`);
        })
        .join('\n');
  }
}
