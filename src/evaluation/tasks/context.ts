/** The text before an answer: description, examples, question (fewshot_context and build_qa_turn in api/task.py of the harness). */
import { quote, UsageError } from '../../base/errors.ts';
import type { ExampleSampler } from '../few-shot/examples.ts';
import { type DocumentTexts, documentTexts, resolved, type Target } from './document.ts';
import { endsWithSpace, startsWithSpace } from './python-methods.ts';
import { pythonStr } from './python-text.ts';
import type { Task } from './task.ts';
import type { Row } from './task-config.ts';

export interface Contexts {
  readonly texts: DocumentTexts;
  /** Is each choice a context of its own, and the target its continuation? */
  readonly hasInputs: boolean;
  /** The contexts of a document: one, or one for each choice. Draws its examples. */
  of(row: Row): readonly string[];
}

export function contextsOf(task: Task, sampler: ExampleSampler): Contexts {
  const { config, name } = task;
  const texts = documentTexts(config, task.columns, name);
  const few = config.fewshot_config ?? {};
  const exampleTexts = documentTexts(
    {
      doc_to_text: few.doc_to_text ?? config.doc_to_text,
      doc_to_target: few.doc_to_target ?? config.doc_to_target,
      doc_to_choice: few.doc_to_choice ?? config.doc_to_choice,
      gen_prefix: few.gen_prefix ?? config.gen_prefix,
    } as Parameters<typeof documentTexts>[0],
    task.columns,
    name,
  );
  const first = task.documents[0];
  const hasInputs = first !== undefined && typeof texts.text(first) === 'number' && texts.choices(first) !== undefined;
  const count = config.num_fewshot ?? 0;
  const targetDelimiter = few.target_delimiter ?? config.target_delimiter ?? ' ';
  const delimiter = few.fewshot_delimiter ?? config.fewshot_delimiter ?? '\n\n';
  const isFromSameSplit = (few.split ?? config.fewshot_split) === config.test_split;
  const written = new Map<Row, string>();

  const example = (row: Row): string => {
    const known = written.get(row);
    if (known !== undefined) return known;
    const choices = exampleTexts.choices(row);
    const text = exampleTexts.text(row);
    const question = typeof text === 'number' ? choiceAt(choices, text, name) : text;
    const answer = answerOf(exampleTexts.target(row), hasInputs ? undefined : choices, name);
    const made = turn(question, answer, exampleTexts.prefix(row), targetDelimiter) + (answer === '' ? '' : delimiter);
    written.set(row, made);
    return made;
  };

  return {
    texts,
    hasInputs,
    of(row) {
      const drawn = count > 0 ? sampler.draw(count, isFromSameSplit ? row : undefined) : [];
      const head = resolved(config.description, row) + drawn.map(example).join('');
      const prefix = texts.prefix(row);
      if (hasInputs) return (texts.choices(row) ?? []).map((input) => head + turn(input, '', prefix, ''));
      const question = texts.text(row);
      if (typeof question !== 'string')
        throw new UsageError(
          `doc_to_text of the task ${name} gave ${quote(question)} for one document and a text for another.`,
        );
      return [head + turn(question, '', prefix, config.target_delimiter ?? ' ')];
    },
  };
}

/** A question with the beginning of its answer, or the whole. */
function turn(question: string, answer: string, prefix: string, targetDelimiter: string): string {
  const isApart = question === '' || prefix === '' || endsWithSpace(question) || startsWithSpace(prefix);
  if (answer === '') return question + (isApart ? '' : targetDelimiter) + prefix;
  if (prefix === '') return question + targetDelimiter + answer;
  return question + (isApart ? '' : targetDelimiter) + joined(prefix, answer);
}

const joined = (prefix: string, answer: string): string =>
  endsWithSpace(prefix) || startsWithSpace(answer) ? prefix + answer : `${prefix} ${answer}`;

function answerOf(target: Target, choices: readonly string[] | undefined, name: string): string {
  if (choices && (typeof target === 'number' || typeof target === 'boolean'))
    return choiceAt(choices, Number(target), name);
  const [first] = Array.isArray(target) ? (target as readonly (string | number)[]) : [target as string | number];
  if (typeof first === 'number' && choices) return choiceAt(choices, first, name);
  return first === undefined ? '' : pythonStr(first);
}

function choiceAt(choices: readonly string[] | undefined, place: number, name: string): string {
  const choice = choices?.at(place);
  if (choice === undefined)
    throw new UsageError(
      `the task ${name} has a row whose target is choice ${place}, but there are ${choices?.length ?? 0} choices.`,
    );
  return choice;
}
