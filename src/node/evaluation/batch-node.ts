/** Texts for the prompts of a JSONL file, in the order of its lines. A run that was stopped goes on, as evaluations do. */
import { readFileSync, rmdirSync } from 'node:fs';
import type { Model } from '../../api/model.ts';
import { quote, UsageError } from '../../base/errors.ts';
import { writeFileWhole } from '../../checkpoint/output-node.ts';
import { refused, type SystemError } from '../../checkpoint/write-errors.ts';
import type { AnswerAllOptions } from '../../evaluation/answer/answer-all.ts';
import type { EvaluationRequest } from '../../evaluation/requests.ts';
import { checkSamplingOptions, type SamplingOptions } from '../../sampler/sampler.ts';
import { queueAnswerer } from '../queue/answer-by-queue-node.ts';
import type { QueueOptions } from '../queue/options-node.ts';
import { identityOfModel, plainOptions } from './identity-node.ts';
import { answerInFolder } from './run-node.ts';

/** A line of the file. */
export interface PromptRow {
  /** Counted from 1. */
  readonly line: number;
  readonly prompt: string;
  readonly row: Readonly<Record<string, unknown>>;
}

export interface BatchOptions
  extends Pick<
    AnswerAllOptions,
    'adapter' | 'interventions' | 'maxLength' | 'stateBytes' | 'signal' | 'onProgress' | 'onTruncated'
  > {
  /** Default 128. */
  readonly maxNewTokens?: number | undefined;
  /** Texts end before the first of these, and at the end-of-text. */
  readonly stop?: readonly string[] | undefined;
  /** Every prompt is sampled with the same seed, so that its text does not depend on other lines. */
  readonly sampling?: SamplingOptions | undefined;
  /** Workers generate the texts, not this model. */
  readonly queue?: QueueOptions | undefined;
  /** Go on with the run of this output. */
  readonly resume?: boolean | undefined;
}

export interface BatchResult {
  /** Lines without a text, with the reason; the output has it as `error`. */
  readonly failures: readonly { readonly line: number; readonly error: Error }[];
}

/** The prompts of a JSONL file. Throws UsageError with the line that has none, and on a file that is no text in UTF-8. */
export function readPrompts(file: string, field = 'prompt'): PromptRow[] {
  const rows = textOf(file)
    .split('\n')
    .flatMap((text, i) => (text.trim() === '' ? [] : [rowOf(text, `line ${i + 1} of ${file}`, field, i + 1)]));
  if (rows.length === 0)
    throw new UsageError(`${file} is empty: wanted lines such as {"${field}": "Once upon a time"}.`);
  return rows;
}

function textOf(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (!(error instanceof TypeError)) throw refused(file, error as SystemError);
    throw new UsageError(`${file} is no text in UTF-8: wanted lines such as {"prompt": "Once upon a time"}.`);
  }
}

function rowOf(text: string, where: string, field: string, line: number): PromptRow {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch {
    throw new UsageError(
      `${where} is no JSON: ${quote(text)}; wanted a line such as {"${field}": "Once upon a time"}.`,
    );
  }
  const prompt = typeof row === 'object' && row !== null ? (row as Record<string, unknown>)[field] : undefined;
  if (typeof prompt !== 'string')
    throw new UsageError(`${where} has no text '${field}': ${quote(row)}. --field names another.`);
  return { line, prompt, row: row as Record<string, unknown> };
}

/**
 * Writes each row with its text as `completion`, or with an `error`. Until then answers are kept in the folder `OUTPUT.answers`. Throws UsageError
 * when that has an unfinished run that is not to go on, or another one; the signal's reason when it is aborted.
 */
export async function generateFile(
  model: Model,
  rows: readonly PromptRow[],
  output: string,
  { maxNewTokens = 128, stop = [], sampling = {}, queue, resume = false, ...options }: BatchOptions = {},
): Promise<BatchResult> {
  checkSamplingOptions(sampling);
  const requests = rows.map(
    ({ prompt }): EvaluationRequest => ({
      ...{ kind: 'generate', context: prompt, until: stop, maxNewTokens },
      sampling: { ...sampling, seed: sampling.seed ?? SEED },
    }),
  );
  const answerer = queue && queueAnswerer(queue, await identityOfModel(model, options), plainOptions(options));
  const folder = `${output}.answers`;
  const run = { folder, resume, about: {} };
  const result = await answerInFolder(model, requests, run, { ...options, answerer }, async ({ answers, failures }) => {
    const errors = new Map(failures.map(({ index, error }) => [index, error]));
    const lines = rows.map(({ row }, i) => {
      const answer = answers[i];
      const found = answer?.kind === 'generate' ? { completion: answer.text } : { error: errors.get(i)?.message };
      return `${JSON.stringify({ ...row, ...found })}\n`;
    });
    await writeFileWhole(output, [new TextEncoder().encode(lines.join(''))]);
    return { failures: failures.map(({ index, error }) => ({ line: (rows[index] as PromptRow).line, error })) };
  });
  removeEmpty(folder);
  return result;
}

/** A run must know its seed when it goes on, so there is a fixed one. */
const SEED = 0;

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as SystemError).code ?? '')) throw error; // answers of a run with failures stay
  }
}
