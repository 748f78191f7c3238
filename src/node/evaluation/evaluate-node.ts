/** Evaluates a model on prepared tasks, and writes the results where that is wanted. */
import { join } from 'node:path';
import type { Model } from '../../api/model.ts';
import { writeFileWhole } from '../../checkpoint/output-node.ts';
import { type AnswerAllOptions, type AnswerProgress, answerAll } from '../../evaluation/answer/answer-all.ts';
import { DEFAULT_SEEDS, seedsOf } from '../../evaluation/options.ts';
import {
  answersByTask,
  type EvaluationResults,
  type PreparedEvaluation,
  type RequestPlace,
  requestsOf,
} from '../../evaluation/prepared.ts';
import { type RunningMean, RunningMeans } from '../../evaluation/running.ts';
import { pythonJsonText } from '../../evaluation/tasks/python-json-text.ts';
import { queueAnswerer } from '../queue/answer-by-queue-node.ts';
import type { QueueOptions } from '../queue/options-node.ts';
import { identityOfModel, plainOptions } from './identity-node.ts';
import { type PrepareEvaluationOptions, prepareEvaluation } from './prepare-node.ts';
import { type AnsweredRun, answerInFolder, checkOutput } from './run-node.ts';

export interface EvaluateOptions
  extends Omit<AnswerAllOptions, 'known' | 'answerer' | 'onAnswer' | 'onProgress' | 'onTruncated'> {
  /** Of the results, and of their folder. */
  readonly modelName: string;
  /** Where results are written, in a folder of the model's name. Without it nothing is written. */
  readonly outputPath?: string | undefined;
  /** Workers answer the requests (serveQueue), not this model, which only tells them apart from workers with another one. */
  readonly queue?: QueueOptions | undefined;
  /** Go on with the run that is in the folder. */
  readonly resume?: boolean | undefined;
  /** Also write what was asked and answered, a file for each task. */
  readonly logSamples?: boolean | undefined;
  readonly seed?: number | readonly number[] | undefined;
  /** What the results record beside. */
  readonly record?: Readonly<Record<string, unknown>> | undefined;
  readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined;
  /** A request lost the beginning of its text, which is longer than the model reads. */
  readonly onTruncated?: ((index: number, tokens: number) => void) | undefined;
}

export interface EvaluationProgress extends AnswerProgress {
  /** The first metric of each task so far. */
  readonly means: () => readonly RunningMean[];
}

/** A request that could not be answered. */
export interface FailedRequest {
  readonly task: string;
  readonly docId: number;
  readonly error: Error;
}

export interface Evaluated {
  readonly results: EvaluationResults;
  /** Documents of these are left out of the results. */
  readonly failures: readonly FailedRequest[];
  /** What was written. */
  readonly files: readonly string[];
}

export interface EvaluateTasksOptions
  extends Omit<EvaluateOptions, 'modelName'>,
    Pick<PrepareEvaluationOptions, 'tasks' | 'includePath' | 'numFewshot' | 'limit' | 'hub'> {
  /** Of the results, and of their folder; default 'model'. */
  readonly modelName?: string | undefined;
}

/** Evaluates a model on tasks by their names. Throws as prepareEvaluation and evaluatePrepared do. */
export async function evaluate(
  model: Model,
  { tasks, includePath, numFewshot, limit, hub, modelName = 'model', ...options }: EvaluateTasksOptions,
): Promise<Evaluated> {
  checkOutput(options);
  const prepared = await prepareEvaluation({ tasks, includePath, numFewshot, limit, hub, seed: options.seed });
  return evaluatePrepared(model, prepared, { modelName, ...options });
}

/**
 * Evaluates a model on tasks whose requests are made. Throws UsageError when the folder has an unfinished run that is not to go on, or another one;
 * the signal's reason when it is aborted, and the answers so far are kept.
 */
export async function evaluatePrepared(
  model: Model,
  prepared: PreparedEvaluation,
  {
    modelName,
    outputPath,
    resume,
    logSamples = false,
    seed,
    record = {},
    queue,
    onProgress,
    ...options
  }: EvaluateOptions,
): Promise<Evaluated> {
  checkOutput({ resume, logSamples, outputPath });
  const { requests, places } = requestsOf(prepared.tasks);
  const running = new RunningMeans(prepared.tasks);
  const answering = {
    ...options,
    answerer: queue && queueAnswerer(queue, await identityOfModel(model, options), plainOptions(options)),
    onAnswer: (index: number, answer: Parameters<RunningMeans['add']>[1]) =>
      running.add(places[index] as RequestPlace, answer),
    onProgress: onProgress && ((progress: AnswerProgress) => onProgress({ ...progress, means: () => running.means })),
  };
  const output = ({ answers, failures, started }: AnsweredRun) => {
    const facts = { modelName, started, seeds: seedsOf(seed ?? DEFAULT_SEEDS), record };
    const failed = failures.map(({ index, error }): FailedRequest => {
      const { task, docId } = places[index] as RequestPlace;
      return { task: task.name, docId, error };
    });
    return { ...prepared.output(answersByTask(prepared.tasks, answers), facts), failures: failed };
  };
  if (outputPath === undefined) {
    const started = new Date().toISOString();
    const { results, failures } = output({ ...(await answerAll(model, requests, answering)), started });
    return { results, failures, files: [] };
  }
  const folder = join(outputPath, sanitized(modelName));
  const about = {
    'the tasks': JSON.stringify(prepared.tasks.map(({ name }) => name)),
    'what is recorded': JSON.stringify([record, seed]),
  };
  return answerInFolder(model, requests, { folder, resume: resume ?? false, about }, answering, async (run) => {
    const { results, samples, failures } = output(run);
    const time = run.started.replace(/:/g, '-').replace('Z', '');
    const files: string[] = [];
    const write = async (name: string, text: Iterable<string>) => {
      await writeFileWhole(join(folder, name), encoded(text));
      files.push(join(folder, name));
    };
    if (logSamples)
      for (const [task, rows] of samples)
        await write(
          `samples_${task.replace(/[^\p{L}\p{N}_]/gu, '_')}_${time}.jsonl`,
          rows.map((row) => `${pythonJsonText(row)}\n`),
        );
    await write(`results_${time}.json`, [pythonJsonText(results, { indent: 2 })]);
    return { results, failures, files };
  });
}

/** As the harness makes the name of a folder. */
const sanitized = (name: string): string => name.replace(/["<>:/|\\?*[\]]+/g, '__');

function* encoded(texts: Iterable<string>): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  for (const text of texts) yield encoder.encode(text);
}
