/** The texts of a document: question, target, choices (`doc_to_text` and its like; ConfigurableTask in api/task.py of the harness). */
import { quote, UsageError } from '../../base/errors.ts';
import { hookNamed } from '../hooks/index.ts';
import { parsePythonLiteral } from './python-text.ts';
import type { FewShotConfig, NamedFunction, Row, TaskConfig, TextSource } from './task-config.ts';
import { createTemplate, type Template } from './template.ts';
import { plainNumber, WholeFloat } from './whole-float.ts';

/** A target: a text, the number of a choice, or several of these. */
export type Target = string | number | boolean | readonly (string | number)[];

export interface DocumentTexts {
  /** A number where the choices are inputs (WinoGrande): that of the right one. */
  text(row: Row): string | number;
  target(row: Row): Target;
  /** Undefined where the task has no choices. */
  choices(row: Row): readonly string[] | undefined;
  /** What the answer begins with; '' for none. */
  prefix(row: Row): string;
}

type Sources = Pick<TaskConfig & FewShotConfig, 'doc_to_text' | 'doc_to_target' | 'doc_to_choice' | 'gen_prefix'>;

/** Reads sources, whose texts are names of columns or else templates. */
export function documentTexts(sources: Sources, columns: readonly string[], who: string): DocumentTexts {
  const names = new Set(columns);
  const hasChoices = sources.doc_to_choice !== undefined;
  const at = (key: string) => `${key} of the task ${who}`;
  const text = valueReader(sources.doc_to_text, names, at('doc_to_text'));
  const target = valueReader(sources.doc_to_target, names, at('doc_to_target'));
  const choices = valueReader(sources.doc_to_choice, names, at('doc_to_choice'));
  const prefix = valueReader(sources.gen_prefix, names, at('gen_prefix'));
  return {
    text: (row) => textFrom(text(row), hasChoices, at('doc_to_text')),
    target: (row) => targetFrom(target(row), hasChoices, at('doc_to_target')),
    choices: (row) => (hasChoices ? choicesFrom(choices(row), at('doc_to_choice')) : undefined),
    prefix: (row) => {
      const { value } = prefix(row);
      return typeof value === 'string' ? value : '';
    },
  };
}

interface Read {
  readonly value: unknown;
  /** The value is a text that a template made, whose form tells more. */
  readonly isRendered: boolean;
}

function valueReader(source: unknown, columns: ReadonlySet<string>, where: string): (row: Row) => Read {
  if (isFunction(source)) {
    const hook = hookNamed(source.function, 'document', where);
    return (row) => ({ value: hook(row), isRendered: false });
  }
  if (typeof source !== 'string') return () => ({ value: source, isRendered: false });
  if (columns.has(source)) return (row) => ({ value: row[source], isRendered: false });
  const template = cachedTemplate(source);
  return (row) => ({ value: template.render(row), isRendered: true });
}

export const isFunction = (source: unknown): source is NamedFunction =>
  typeof source === 'object' && source !== null && 'function' in source && typeof source.function === 'string';

const TEMPLATES = new Map<string, Template>();

function cachedTemplate(source: string): Template {
  const known = TEMPLATES.get(source) ?? createTemplate(source);
  TEMPLATES.set(source, known);
  return known;
}

/** A description or the like: the name of a column, or a template. */
export function resolved(source: TextSource | undefined, row: Row): string {
  if (source === undefined || source === '' || isFunction(source)) return '';
  return Object.hasOwn(row, source) ? String(row[source]) : cachedTemplate(source).render(row);
}

const isDigits = (text: string): boolean => /^\d+$/.test(text);

function textFrom({ value: read, isRendered }: Read, hasChoices: boolean, where: string): string | number {
  if (isRendered && hasChoices && isDigits(read as string)) return Number(read);
  const value = plainNumber(read);
  if (typeof value === 'string' || typeof value === 'number') return value;
  throw new UsageError(`${where} gave ${quote(value)}, wanted a text, or the number of a choice.`);
}

function targetFrom({ value, isRendered }: Read, hasChoices: boolean, where: string): Target {
  if (isRendered) {
    const text = value as string;
    if (hasChoices && isDigits(text)) return Number(text);
    if (!(text.length >= 2 && text.startsWith('[') && text.endsWith(']'))) return text;
    try {
      return withTexts(parsePythonLiteral(text), hasChoices) as Target;
    } catch {
      return text;
    }
  }
  if (value instanceof WholeFloat || Array.isArray(value)) return withTexts(value, hasChoices) as Target;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw new UsageError(`${where} gave ${quote(value)}, wanted a text, a number or a list.`);
}

/** Numbers such as 1.0 are those of choices, and else texts. */
function withTexts(value: unknown, hasChoices: boolean): unknown {
  if (Array.isArray(value)) return value.map((one) => withTexts(one, hasChoices));
  if (!(value instanceof WholeFloat)) return value;
  return hasChoices ? value.value : value.toString();
}

function choicesFrom({ value, isRendered }: Read, where: string): readonly string[] {
  const list = isRendered ? literal(value as string, where) : value;
  const choices = typeof list === 'object' && list !== null && !Array.isArray(list) ? Object.values(list) : list;
  if (Array.isArray(choices) && choices.every((choice) => typeof choice === 'string')) return choices;
  throw new UsageError(`${where} gave ${quote(choices)}, wanted a list of texts.`);
}

function literal(text: string, where: string): unknown {
  try {
    return parsePythonLiteral(text);
  } catch (error) {
    throw new UsageError(`${where} gave ${quote(text)}, wanted a list of texts: ${(error as Error).message}`);
  }
}
