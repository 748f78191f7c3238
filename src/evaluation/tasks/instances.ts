/** The requests of a task: its documents in order, each with its examples. */
import { UsageError } from '../../base/errors.ts';
import { exampleSampler } from '../few-shot/examples.ts';
import type { EvaluationRequest } from '../requests.ts';
import { type Contexts, contextsOf } from './context.ts';
import { generationOf } from './generation.ts';
import { pythonStr } from './python-text.ts';
import { leaningsRequest, wordPairRequest } from './sense-requests.ts';
import type { Task, TaskInstance } from './task.ts';
import type { Row, TaskConfig } from './task-config.ts';

export interface InstanceOptions {
  /** Documents, from the first: a number from 1 on, or a share below 1. Default: all. */
  readonly limit?: number | undefined;
  /** Of the draws of examples. */
  readonly seed?: number | undefined;
}

/** Throws UsageError when a row does not have what the task reads. */
export function instancesOf(task: Task, options: InstanceOptions = {}): TaskInstance[] {
  const { limit, seed = 1234 } = options;
  const { fewshot_config: few } = task.config;
  const sampler = exampleSampler(few?.sampler ?? 'default', task.examples, seed);
  const contexts = ofDocument(task, 0, () => contextsOf(task, sampler));
  const count = limitOf(task.documents.length, limit);
  return task.documents
    .slice(0, count)
    .flatMap((row, docId) =>
      ofDocument(task, docId, () => made(task, row, contexts, seed)).map((request) => ({ docId, request })),
    );
}

export function limitOf(documents: number, limit: number | undefined): number {
  if (limit === undefined) return documents;
  return Math.min(documents, limit < 1 ? Math.ceil(documents * limit) : Math.floor(limit));
}

/** Runs the body; a UsageError tells of which document it is. */
function ofDocument<T>({ name, data }: Task, docId: number, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`document ${docId} of the task ${name} (${data.source}): ${error.message}`, { cause: error });
  }
}

/** Answers that are drawn differ, so there are as many requests, each with a seed of its own; of others one is enough. */
function repeated({ repeats = 1 }: TaskConfig, request: GenerateRequest, seed: number): GenerateRequest[] {
  const { sampling } = request;
  if (!(Number(sampling.temperature) > 0)) return [request];
  return Array.from({ length: repeats }, (_, i) => ({ ...request, sampling: { ...sampling, seed: seed + i } }));
}

type GenerateRequest = EvaluationRequest & { readonly kind: 'generate' };

function made({ config, name }: Task, row: Row, contexts: Contexts, seed: number): EvaluationRequest[] {
  const { texts, hasInputs } = contexts;
  if (config.output_type === 'sense_similarity') return [wordPairRequest(texts.choices(row))];
  if (config.output_type === 'sense_bias') return [leaningsRequest(row)];
  const before = contexts.of(row); // also where it is not used: its examples are drawn in any case
  const [context = ''] = before;
  const target = () => pythonStr(texts.target(row));
  const delimiter = config.target_delimiter ?? ' ';
  switch (config.output_type) {
    case 'loglikelihood':
      return [{ kind: 'loglikelihood', context, continuation: target() }];
    case 'loglikelihood_rolling':
      return [{ kind: 'rolling', text: target() }];
    case 'generate_until':
      return repeated(config, { kind: 'generate', context, ...generationOf(config, name) }, seed);
    case 'multiple_choice': {
      const choices = texts.choices(row) ?? [];
      const pairs = hasInputs
        ? before.map((input) => ({ context: input, continuation: delimiter + target() }))
        : choices.map((choice) => ({ context, continuation: delimiter + choice }));
      const needsPrior = config.metric_list?.some(({ metric }) => metric === 'acc_mutual_info') ?? false;
      const priors = needsPrior ? choices.map((choice) => ({ context: '', continuation: delimiter + choice })) : [];
      return [...pairs, ...priors].map((pair) => ({ kind: 'loglikelihood', ...pair }));
    }
  }
}
