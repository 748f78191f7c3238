/** The tasks by which a model card, or others on the same checkpoint, measured, and the numbers that they published. */

/** One published number, on the scale of our results: shares, not percent. */
export interface PublishedNumber {
  readonly task: string;
  /** With its filter, as in `acc,none`. */
  readonly metric: string;
  readonly value: number;
}

export interface PublishedNumbers {
  readonly checkpoint: string;
  readonly numbers: readonly PublishedNumber[];
}

export interface EvaluationPreset {
  readonly name: string;
  /** Tasks and groups with what replaces their own keys. */
  readonly tasks: readonly { readonly task: string; readonly num_fewshot?: number; readonly fewshot_split?: string }[];
  /** Line ends after the description of MMLU in the harness of that time. */
  readonly mmluDescriptionNewlines: 1 | 2;
  readonly published: readonly PublishedNumbers[];
  readonly source: string;
  /** What is not certain. */
  readonly notes: readonly string[];
}

/** Numbers in percent, in the order of some tasks and metrics. */
export function percent(
  measures: readonly (readonly [task: string, metric: string])[],
  values: readonly number[],
): PublishedNumber[] {
  return measures.map(([task, metric], i) => ({
    task,
    metric: metric.includes(',') ? metric : `${metric},none`,
    value: (values[i] as number) / 100,
  }));
}
