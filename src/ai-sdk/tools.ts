/** Tools of a call, and the form that its answer must have. */
import { quote, UsageError } from '../base/errors.ts';
import { answerForm } from '../chat/answer-form.ts';
import type { JsonSchema } from '../structured/schema.ts';
import type { FunctionTool, LanguageCall, Warning } from './specification.ts';

/** The functions that the model may call; none when toolChoice is none. */
export function usableTools({ tools = [], toolChoice }: LanguageCall, warnings: Warning[]): FunctionTool[] {
  if (toolChoice?.type === 'none') return [];
  return tools.flatMap((tool) => {
    if (tool.type === 'function') return [tool];
    warnings.push({
      type: 'unsupported',
      feature: `tool ${tool.id}`,
      details: 'it belongs to another provider; these models call functions only',
    });
    return [];
  });
}

/** As chat templates read them. */
export const templateTools = (tools: readonly FunctionTool[]): object[] =>
  tools.map(({ name, description, inputSchema: parameters }) => ({
    type: 'function',
    function: { name, ...(description === undefined ? {} : { description }), parameters },
  }));

/** Undefined when the answer may be any text. */
export function formOf(
  { responseFormat, toolChoice }: LanguageCall,
  tools: readonly FunctionTool[],
): JsonSchema | undefined {
  const toolName = toolChoice?.type === 'tool' ? toolChoice.toolName : undefined;
  const chosen = toolName === undefined ? tools : tools.filter(({ name }) => name === toolName);
  if (toolName !== undefined && chosen.length === 0)
    throw new UsageError(`toolChoice names ${quote(toolName)}, which is not among the tools.`);
  return answerForm({
    tools: chosen.map(({ name, inputSchema: parameters }) => ({ name, parameters })),
    mustCall: toolName !== undefined || toolChoice?.type === 'required',
    format: responseFormat?.type === 'json' ? ((responseFormat.schema ?? { type: 'object' }) as JsonSchema) : undefined,
  });
}
