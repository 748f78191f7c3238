/** What a task file says: the keys of lm-evaluation-harness (config/task.py), with their names there. */

export type Row = Readonly<Record<string, unknown>>;

/** A function of a task, by the name that `!function` gives it in task files. */
export interface NamedFunction {
  readonly function: string;
}

/** A template of Jinja, the name of a column, or a function. */
export type TextSource = string | NamedFunction;

export interface MetricConfig {
  readonly metric: string;
  readonly aggregation?: string;
  readonly higher_is_better?: boolean;
  /** Options of the metric, such as ignore_case of exact_match. */
  readonly [option: string]: unknown;
}

export interface FilterConfig {
  readonly name: string;
  readonly filter: readonly { readonly function: string; readonly [option: string]: unknown }[];
}

export interface FewShotConfig {
  readonly sampler?: 'default' | 'first_n';
  readonly split?: string;
  readonly samples?: readonly Row[];
  readonly process_docs?: NamedFunction;
  readonly doc_to_text?: TextSource | number;
  readonly doc_to_target?: TextSource | number | readonly string[];
  readonly doc_to_choice?: TextSource | readonly string[] | Readonly<Record<string, string>>;
  readonly gen_prefix?: string;
  readonly fewshot_delimiter?: string;
  readonly target_delimiter?: string;
}

/** The last two are this library's own: how alike words are by their senses, and how words lean after sentences. */
export const OUTPUT_TYPES = [
  'multiple_choice',
  'loglikelihood',
  'loglikelihood_rolling',
  'generate_until',
  'sense_similarity',
  'sense_bias',
] as const;

export type OutputType = (typeof OUTPUT_TYPES)[number];

export interface TaskConfig {
  readonly task: string;
  readonly task_alias?: string;
  readonly tag?: string | readonly string[];
  readonly dataset_path?: string;
  readonly dataset_name?: string;
  readonly dataset_kwargs?: Readonly<Record<string, unknown>>;
  readonly training_split?: string;
  readonly validation_split?: string;
  readonly test_split?: string;
  readonly fewshot_split?: string;
  readonly process_docs?: NamedFunction;
  readonly doc_to_text?: TextSource | number;
  readonly doc_to_target?: TextSource | number | readonly string[];
  readonly doc_to_choice?: TextSource | readonly string[] | Readonly<Record<string, string>>;
  readonly process_results?: NamedFunction;
  readonly description?: string;
  readonly target_delimiter?: string;
  readonly fewshot_delimiter?: string;
  readonly fewshot_config?: FewShotConfig;
  readonly num_fewshot?: number;
  readonly metric_list?: readonly MetricConfig[];
  readonly output_type: OutputType;
  readonly generation_kwargs?: Readonly<Record<string, unknown>>;
  readonly repeats?: number;
  readonly filter_list?: readonly FilterConfig[];
  readonly should_decontaminate?: boolean;
  readonly doc_to_decontamination_query?: string;
  readonly gen_prefix?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface AggregateMetric {
  readonly metric: string;
  readonly aggregation?: 'mean';
  readonly weight_by_size?: boolean;
  readonly filter_list?: string | readonly string[];
}

/** A part of a group: the name of a task, a tag or a group, or one of these with keys that replace its own. */
export type GroupMember = string | Readonly<Record<string, unknown>>;

export interface GroupConfig {
  readonly group: string;
  readonly group_alias?: string;
  readonly task: readonly GroupMember[];
  readonly aggregate_metric_list?: readonly AggregateMetric[];
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Keys that replace those of the tasks in the group. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}
