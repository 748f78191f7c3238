/** The form that an answer must have, as a JSON schema: the one that was asked for, or calls of functions. */
import { UsageError } from '../base/errors.ts';
import type { JsonSchema } from '../structured/schema.ts';

/** A function that may be called. */
export interface CallableTool {
  readonly name: string;
  /** Of its arguments; absent: any object. */
  readonly parameters?: unknown;
}

export interface AnswerWish {
  /** The form of an answer that is no call; undefined for any text. */
  readonly format: JsonSchema | undefined;
  /** Functions that may be called. */
  readonly tools: readonly CallableTool[];
  /** Has the answer to be a call of one of them? */
  readonly mustCall: boolean;
}

/** Undefined when the answer may be any text. */
export function answerForm({ format, tools, mustCall }: AnswerWish): JsonSchema | undefined {
  if (mustCall) return callsSchema(tools);
  if (format === undefined || tools.length === 0) return format;
  return { anyOf: [callsSchema(tools), typeof format === 'boolean' ? format : { $id: 'answer', ...format }] };
}

/** A list of one call, in a form that tool-calls.ts reads. */
function callsSchema(tools: readonly CallableTool[]): JsonSchema {
  if (tools.length === 0) throw new UsageError('a call of a function is wanted, and there are none to call.');
  const calls = tools.map(({ name, parameters }, i) => ({
    type: 'object',
    // With an $id of its own, a schema's references mean places in itself.
    properties: { name: { const: name }, arguments: { $id: `tool-${i}`, ...(parameters ?? { type: 'object' }) } },
    required: ['name', 'arguments'],
    additionalProperties: false,
  }));
  return { type: 'array', items: { anyOf: calls }, minItems: 1, maxItems: 1 };
}
