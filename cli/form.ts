/** `--json-schema FILE` and `--regex EXPRESSION`: output of a form. */
import { type Command, Option } from 'commander';
import {
  type GenerationStep,
  type JsonSchema,
  jsonSchemaMask,
  regexMask,
  type Tokenizer,
  type TokenMask,
  UsageError,
} from '../src/node.ts';
import { textFile } from './options.ts';

export interface FormFlags {
  /** The text of the file. */
  readonly jsonSchema?: string;
  readonly regex?: string;
}

export const formOptions = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--json-schema <file>',
        'write JSON that this JSON Schema accepts, and end there; what is supported: docs/chat.md',
      )
        .argParser(textFile)
        .conflicts('regex'),
    )
    .option('--regex <expression>', 'write a text that this regular expression of JavaScript matches as a whole');

/** Throws UsageError on a schema or an expression that is wrong, or has what is not supported. */
export function formOf(tokenizer: Tokenizer | undefined, { jsonSchema, regex }: FormFlags): TokenMask | undefined {
  if (regex !== undefined) return regexMask(tokenizer, regex);
  return jsonSchema === undefined ? undefined : jsonSchemaMask(tokenizer, schemaOf(jsonSchema));
}

function schemaOf(text: string): JsonSchema {
  try {
    return JSON.parse(text) as JsonSchema;
  } catch (error) {
    throw new UsageError(`the file of --json-schema is no JSON: ${(error as Error).message}.`);
  }
}

/** Tells when the text ends before it has the form. */
export function noteCutOff(steps: readonly GenerationStep[], mask: TokenMask | undefined): void {
  if (!mask || steps.at(-1)?.finishReason !== 'length') return;
  process.stderr.write('note: the text was cut off before it had the wanted form: give a larger -n\n');
}
