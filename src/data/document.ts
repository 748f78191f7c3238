/** One document of the training data, and how it is found in a record: an object such as a line of JSONL or a row of a table. */
import { quote, UsageError } from '../base/errors.ts';
import type { ChatMessage } from '../tokenizer/chat-template.ts';

export type TrainingDocument =
  | { readonly kind: 'text'; readonly text: string }
  /** The loss counts on the completion only. */
  | { readonly kind: 'completion'; readonly prompt: string; readonly completion: string }
  /** The loss counts on the answers of the assistant only. */
  | { readonly kind: 'chat'; readonly messages: readonly ChatMessage[]; readonly tools?: unknown };

/** Names of the fields to read. Without any: text, else messages, else prompt and completion, whichever the record has. */
export interface RecordFields {
  readonly field?: string | undefined;
  readonly messages?: string | undefined;
  readonly prompt?: string | undefined;
  readonly completion?: string | undefined;
}

export type Fields = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Throws UsageError on fields that exclude each other. */
export function checkFields({ field, messages, prompt, completion }: RecordFields): void {
  const given = [field, messages, prompt ?? completion].filter((name) => name !== undefined);
  if (given.length > 1)
    throw new UsageError('give one of data.field, data.messages, and data.prompt with data.completion, not several.');
  if ((prompt === undefined) !== (completion === undefined))
    throw new UsageError('data.prompt and data.completion name two fields that belong together: give both.');
}

/** Throws UsageError that says what the record lacks, without its place. */
export function documentOf(record: unknown, fields: RecordFields): TrainingDocument {
  if (!isRecord(record)) throw new UsageError(`it holds ${quote(record, 40)}, wanted an object with named fields`);
  const { field, messages, prompt, completion } = chosenFields(record, fields);
  if (messages !== undefined) {
    const list = valueIn(record, messages);
    return {
      kind: 'chat',
      messages: checkedMessages(list, messages),
      ...('tools' in record && { tools: record.tools }),
    };
  }
  if (prompt !== undefined && completion !== undefined)
    return { kind: 'completion', prompt: textOf(record, prompt), completion: textOf(record, completion) };
  return { kind: 'text', text: textOf(record, field ?? 'text') };
}

function chosenFields(record: Fields, fields: RecordFields): RecordFields {
  if (Object.values(fields).some((name) => name !== undefined)) return fields;
  const has = (name: string) => Object.hasOwn(record, name);
  if (has('text')) return { field: 'text' };
  if (has('messages')) return { messages: 'messages' };
  if (has('prompt') && has('completion')) return { prompt: 'prompt', completion: 'completion' };
  throw new UsageError(
    `it has the fields ${quote(Object.keys(record))}, but none of text, messages, or prompt with completion: name yours with data.field, ` +
      'data.messages, or data.prompt and data.completion',
  );
}

function valueIn(record: Fields, name: string): unknown {
  if (Object.hasOwn(record, name)) return record[name];
  throw new UsageError(`it has no field '${name}', only ${quote(Object.keys(record))}`);
}

function textOf(record: Fields, name: string): string {
  const value = valueIn(record, name);
  if (typeof value === 'string') return value;
  throw new UsageError(`its field '${name}' holds ${quote(value, 40)}, wanted a text`);
}

function checkedMessages(list: unknown, name: string): ChatMessage[] {
  if (!Array.isArray(list) || list.length === 0)
    throw new UsageError(`its field '${name}' holds ${quote(list, 40)}, wanted a list of messages`);
  for (const message of list)
    if (!isRecord(message) || typeof message.role !== 'string')
      throw new UsageError(`its field '${name}' holds the message ${quote(message, 40)}, wanted one with a role`);
  return list as ChatMessage[];
}
