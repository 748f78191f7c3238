/** Tools of a call, and the form that its answer must have. */
import { quote, UsageError } from '../base/errors.ts';
import type { TokenMask } from '../sampler/mask.ts';
import { jsonMask, jsonSchemaMask } from '../structured/masks.ts';
import type { JsonSchema } from '../structured/schema.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
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

/** Undefined when the answer may be any text. Throws UsageError on schemas that are not supported. */
export function formOf(
  tokenizer: Tokenizer | undefined,
  { responseFormat, toolChoice }: LanguageCall,
  tools: readonly FunctionTool[],
): TokenMask | undefined {
  if (toolChoice?.type === 'required') return jsonSchemaMask(tokenizer, callsSchema(tools));
  if (toolChoice?.type === 'tool') {
    const { toolName } = toolChoice;
    const chosen = tools.filter(({ name }) => name === toolName);
    if (chosen.length === 0) throw new UsageError(`toolChoice names ${quote(toolName)}, which is not among the tools.`);
    return jsonSchemaMask(tokenizer, callsSchema(chosen));
  }
  if (responseFormat?.type !== 'json') return undefined;
  const { schema } = responseFormat;
  if (tools.length > 0)
    return jsonSchemaMask(tokenizer, {
      anyOf: [callsSchema(tools), { $id: 'answer', ...(schema ?? { type: 'object' }) }],
    });
  return schema ? jsonSchemaMask(tokenizer, schema as JsonSchema) : jsonMask(tokenizer);
}

/** A list of one call, in a form that src/chat/tool-calls.ts reads. */
function callsSchema(tools: readonly FunctionTool[]): { readonly [keyword: string]: unknown } {
  if (tools.length === 0) throw new UsageError('toolChoice wants a call, and there are no tools.');
  const calls = tools.map(({ name, inputSchema }, i) => ({
    type: 'object',
    // With an $id of its own, a schema's references mean places in itself.
    properties: { name: { const: name }, arguments: { $id: `tool-${i}`, ...inputSchema } },
    required: ['name', 'arguments'],
    additionalProperties: false,
  }));
  return { type: 'array', items: { anyOf: calls }, minItems: 1, maxItems: 1 };
}
