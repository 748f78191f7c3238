/**
 * A run of an evaluation in a folder: its answers are kept in a journal until the results are written, so that it can go on after it was killed, and
 * no other run writes there meanwhile.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Model } from '../../api/model.ts';
import { UsageError } from '../../base/errors.ts';
import { makeFolder } from '../../base/make-folder-node.ts';
import { refused, type SystemError } from '../../checkpoint/write-errors.ts';
import { type AnswerAllOptions, type Answers, answerAll } from '../../evaluation/answer/answer-all.ts';
import type { EvaluationRequest } from '../../evaluation/requests.ts';
import { lockFolder } from '../lock-node.ts';
import { identityOfModel, plainOptions, type RunIdentity } from './identity-node.ts';
import { Journal } from './journal-node.ts';

export interface FolderRun {
  /** Of the results; it is made if there is none. */
  readonly folder: string;
  /** Go on with the run that is in the folder. */
  readonly resume: boolean;
  /** What else tells this run from others, by names for messages. */
  readonly about: RunIdentity;
}

/** A run whose requests are answered. */
export interface AnsweredRun extends Answers {
  /** When the run began, before it was killed or stopped: ISO 8601. */
  readonly started: string;
}

const JOURNAL = 'answers.journal';

/**
 * Answers the requests of a run, then lets `finish` write the results into the folder. The journal is removed when that is done and no request
 * failed. Throws UsageError when the folder has an unfinished run that is not to go on, or another run; nothing is lost then.
 */
export async function answerInFolder<R>(
  model: Model,
  requests: readonly EvaluationRequest[],
  { folder, resume, about }: FolderRun,
  options: Omit<AnswerAllOptions, 'known'>,
  finish: (run: AnsweredRun) => Promise<R>,
): Promise<R> {
  await makeFolder(folder).catch((error: SystemError) => {
    throw refused(folder, error);
  });
  const unlock = await lockFolder(folder, 'writes to');
  try {
    const identity = {
      ...(await identityOfModel(model, options)),
      'the options of answering': JSON.stringify(plainOptions(options)),
      ...about,
      requests: digestOf(requests),
    };
    const journal = await Journal.open(join(folder, JOURNAL), identity, { resume });
    let isDone = false;
    try {
      const answers = await answerAll(model, requests, {
        ...options,
        known: journal.answers,
        onAnswer: (index, answer) => {
          journal.write([{ index, answer }]);
          options.onAnswer?.(index, answer);
        },
      });
      const result = await finish({ ...answers, started: journal.started });
      isDone = answers.failures.length === 0;
      return result;
    } finally {
      if (isDone) journal.remove();
      else journal.close();
    }
  } finally {
    await unlock();
  }
}

/** Throws UsageError when there is nothing to write to. */
export function checkOutput({ outputPath, resume, logSamples }: OutputOptions): void {
  if (outputPath !== undefined) return;
  if (resume) throw new UsageError('--resume needs the folder of the run: give --output-path as before.');
  if (logSamples) throw new UsageError('--log-samples writes files: give --output-path, the folder for them.');
}

interface OutputOptions {
  readonly outputPath?: string | undefined;
  readonly resume?: boolean | undefined;
  readonly logSamples?: boolean | undefined;
}

/** Of tasks, data, examples and their order: all of it is in the requests. */
function digestOf(requests: readonly EvaluationRequest[]): string {
  const hash = createHash('sha256');
  for (const request of requests) hash.update(`${JSON.stringify(request)}\n`);
  return hash.digest('hex');
}
