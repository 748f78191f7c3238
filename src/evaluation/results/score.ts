/** Answers become metrics and samples: those of each document, then of the task. */
import { UsageError } from '../../base/errors.ts';
import { exampleSampler } from '../few-shot/examples.ts';
import { AGGREGATIONS, METRICS, metricFacts, standardError, USUAL_METRICS } from '../metrics/aggregations.ts';
import { type DocumentMetrics, documentMetrics, type Scoring } from '../metrics/document-metrics.ts';
import { type FilterLine, filtersOf } from '../metrics/filters.ts';
import type { EvaluationAnswer } from '../requests.ts';
import { contextsOf } from '../tasks/context.ts';
import type { Task, TaskInstance } from '../tasks/task.ts';
import type { MetricConfig } from '../tasks/task-config.ts';
import { type Sample, sampleOf } from './sample.ts';

export interface TaskScore {
  /** `acc,none` -> its value; `acc_stderr,none` -> its standard error, or 'N/A'. */
  readonly metrics: Readonly<Record<string, number | string>>;
  /** Documents that were scored. */
  readonly documents: number;
  readonly samples: readonly Sample[];
}

/** Draws of the bootstrap. */
export const BOOTSTRAP_ITERATIONS = 100_000;

/** What the scores of a task's documents need; made once. Throws UsageError when the task asks for what is not supported. */
export class TaskScorer {
  readonly metrics: readonly MetricConfig[];
  readonly #task: Task;
  readonly #scoring: Scoring;
  readonly #filters: readonly FilterLine[];

  constructor(task: Task) {
    this.#task = task;
    this.metrics = metricsOf(task);
    this.#filters = filtersOf(task.config, task.name);
    const { texts, hasInputs } = contextsOf(task, exampleSampler('first_n', [], 0));
    this.#scoring = { config: task.config, name: task.name, texts, hasInputs, metrics: this.metrics };
  }

  /** Metrics of one document that are numbers, of the first filter. */
  document(docId: number, answers: readonly EvaluationAnswer[]): Record<string, number> {
    const [filter] = this.#filters;
    const metrics = filter ? this.#documentMetrics(docId, answers, filter).metrics : {};
    return Object.fromEntries(
      Object.entries(metrics).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
    );
  }

  /** `answers`: in the order of the instances; undefined where there is none, and the document is then left out. */
  score(
    instances: readonly TaskInstance[],
    answers: readonly (EvaluationAnswer | undefined)[],
    { bootstrapIterations = BOOTSTRAP_ITERATIONS }: { readonly bootstrapIterations?: number | undefined } = {},
  ): TaskScore {
    const documents = answeredDocuments(instances, answers);
    const samples: Sample[] = [];
    const metrics: Record<string, number | string> = {};
    for (const filter of this.#filters) {
      const values = new Map<string, unknown[]>();
      for (const { docId, instances: own, answers: given } of documents) {
        const { metrics: found, filtered } = this.#documentMetrics(docId, given, filter);
        for (const [metric, value] of Object.entries(found)) {
          const list = values.get(metric) ?? [];
          list.push(value);
          values.set(metric, list);
        }
        const row = this.#task.documents[docId] as Sample['doc'];
        const target = this.#scoring.texts.target(row);
        samples.push(
          sampleOf({
            task: this.#task,
            docId,
            row,
            target,
            instances: own,
            answers: this.#repeated(given),
            filtered,
            filter: filter.name,
            metrics: found,
          }),
        );
      }
      for (const [metric, list] of values) {
        const aggregation = AGGREGATIONS[this.#aggregationOf(metric)] as (typeof AGGREGATIONS)[string];
        metrics[`${metric},${filter.name}`] = aggregation.of(list);
        metrics[`${metric}_stderr,${filter.name}`] = standardError(aggregation, list, bootstrapIterations) ?? 'N/A';
      }
    }
    return { metrics, documents: documents.length, samples };
  }

  #documentMetrics(docId: number, answers: readonly EvaluationAnswer[], filter: FilterLine) {
    const row = this.#task.documents[docId] as Sample['doc'];
    const filtered = this.#repeated(answers).map((repeats) => filter.apply(repeats.map(rawAnswer)));
    const metrics: DocumentMetrics = documentMetrics(this.#scoring, row, filtered);
    return { metrics, filtered };
  }

  /** The answers to each request: as many as the task wants, of which several requests were made only where they may differ. */
  #repeated(answers: readonly EvaluationAnswer[]): readonly (readonly EvaluationAnswer[])[] {
    const { repeats = 1, output_type: kind } = this.#task.config;
    if (kind === 'generate_until' && answers.length === repeats) return [answers];
    return answers.map((answer) => Array.from({ length: repeats }, () => answer));
  }

  #aggregationOf(metric: string): string {
    return this.metrics.find((one) => one.metric === metric)?.aggregation ?? metricFacts(metric)?.aggregation ?? 'mean';
  }
}

/** An answer as models of the harness give it. */
function rawAnswer(answer: EvaluationAnswer): unknown {
  if (answer.kind === 'numbers') return answer.numbers;
  if (answer.kind === 'loglikelihood') return [answer.logProbability, answer.isGreedy];
  return answer.kind === 'rolling' ? answer.logProbability : answer.text;
}

interface AnsweredDocument {
  readonly docId: number;
  readonly instances: readonly TaskInstance[];
  readonly answers: readonly EvaluationAnswer[];
}

function answeredDocuments(
  instances: readonly TaskInstance[],
  answers: readonly (EvaluationAnswer | undefined)[],
): AnsweredDocument[] {
  const byDocument = new Map<number, { instances: TaskInstance[]; answers: (EvaluationAnswer | undefined)[] }>();
  for (const [i, instance] of instances.entries()) {
    const own = byDocument.get(instance.docId) ?? { instances: [], answers: [] };
    own.instances.push(instance);
    own.answers.push(answers[i]);
    byDocument.set(instance.docId, own);
  }
  return [...byDocument].flatMap(([docId, own]) =>
    own.answers.includes(undefined)
      ? []
      : [{ docId, instances: own.instances, answers: own.answers as EvaluationAnswer[] }],
  );
}

/** The metrics of a task, those of its kind if it names none. */
export function metricsOf({ config, name }: Task): readonly MetricConfig[] {
  const metrics: readonly MetricConfig[] =
    config.metric_list ?? USUAL_METRICS[config.output_type].map((metric) => ({ metric }));
  for (const { metric, aggregation } of metrics) {
    const isKnown =
      metricFacts(metric) !== undefined || (config.process_results !== undefined && aggregation !== undefined);
    if (!isKnown)
      throw new UsageError(
        `the task ${name} has the metric '${metric}', which is not supported: wanted ${Object.keys(METRICS).join(', ')}.`,
      );
    if (aggregation !== undefined && !Object.hasOwn(AGGREGATIONS, aggregation))
      throw new UsageError(
        `the task ${name} aggregates '${metric}' by '${aggregation}', which is not supported: wanted ${Object.keys(AGGREGATIONS).join(', ')}.`,
      );
  }
  return metrics;
}

export const isHigherBetter = ({ metric, higher_is_better: given }: MetricConfig): boolean =>
  given ?? metricFacts(metric)?.isHigherBetter ?? true;
