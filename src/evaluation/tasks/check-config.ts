/** Checks the keys of task files, and says what is wrong with which. */
import { quote, UsageError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import { type GroupConfig, OUTPUT_TYPES, type TaskConfig } from './task-config.ts';

type Check = { readonly wanted: string; readonly holds: (value: unknown) => boolean };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isWhole = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
const isFunctionName = (value: unknown): boolean =>
  isObject(value) && Object.keys(value).length === 1 && isText(value.function);

const text: Check = { wanted: 'a text', holds: isText };
const flag: Check = { wanted: 'true or false', holds: (value) => typeof value === 'boolean' };
const whole: Check = { wanted: 'a whole number from 0 on', holds: isWhole };
const object: Check = { wanted: 'keys with values', holds: isObject };
const named: Check = { wanted: "a function, as in '!function utils.process_docs'", holds: isFunctionName };
const textOrList: Check = { wanted: 'a text or a list of texts', holds: (value) => isText(value) || isTexts(value) };
const template: Check = {
  wanted: 'a template, the name of a column, a whole number, or !function',
  holds: (value) => isText(value) || isWhole(value) || isFunctionName(value),
};
const target: Check = {
  wanted: `${template.wanted}, or a list`,
  holds: (value) => template.holds(value) || Array.isArray(value),
};
const choices: Check = {
  wanted: 'a template, the name of a column, a list of texts, or !function',
  holds: (value) => isText(value) || isTexts(value) || (isObject(value) && Object.values(value).every(isText)),
};
const listOf = (wanted: string, holds: (entry: Record<string, unknown>) => boolean): Check => ({
  wanted,
  holds: (value) => Array.isArray(value) && value.every((entry) => isObject(entry) && holds(entry)),
});

const FEW_SHOT: Readonly<Record<string, Check>> = {
  sampler: { wanted: "'default' or 'first_n'", holds: (value) => value === 'default' || value === 'first_n' },
  split: text,
  samples: listOf('a list of rows', () => true),
  process_docs: named,
  doc_to_text: template,
  doc_to_target: target,
  doc_to_choice: choices,
  gen_prefix: text,
  fewshot_delimiter: text,
  target_delimiter: text,
};

const TASK: Readonly<Record<string, Check>> = {
  task: text,
  task_alias: text,
  tag: textOrList,
  dataset_path: text,
  dataset_name: text,
  dataset_kwargs: object,
  training_split: text,
  validation_split: text,
  test_split: text,
  fewshot_split: text,
  process_docs: named,
  doc_to_text: template,
  doc_to_target: target,
  doc_to_choice: choices,
  process_results: named,
  description: text,
  target_delimiter: text,
  fewshot_delimiter: text,
  fewshot_config: object,
  num_fewshot: whole,
  metric_list: listOf(
    "a list of metrics, each with 'metric'",
    (entry) => isText(entry.metric) && (entry.aggregation === undefined || isText(entry.aggregation)),
  ),
  output_type: {
    wanted: OUTPUT_TYPES.join(', ').replace(/, (\w+)$/, ' or $1'),
    holds: (value) => (OUTPUT_TYPES as readonly unknown[]).includes(value),
  },
  generation_kwargs: object,
  repeats: { wanted: 'a whole number from 1 on', holds: (value) => isWhole(value) && (value as number) > 0 },
  filter_list: listOf(
    "a list of filters, each with 'name' and a list 'filter' of steps with 'function'",
    ({ name, filter }) =>
      isText(name) && Array.isArray(filter) && filter.every((step) => isObject(step) && isText(step.function)),
  ),
  should_decontaminate: flag,
  doc_to_decontamination_query: text,
  gen_prefix: text,
  unsafe_code: { wanted: 'false, since no code of tasks is run', holds: (value) => value === false },
  metadata: object,
};

const GROUP: Readonly<Record<string, Check>> = {
  group: text,
  group_alias: text,
  task: {
    wanted: "a list of names, or of keys with 'task' or 'group'",
    holds: (value) =>
      Array.isArray(value) &&
      value.every((entry) => isText(entry) || (isObject(entry) && (isText(entry.task) || isText(entry.group)))),
  },
  tag: textOrList,
  aggregate_metric_list: listOf("a list of metrics, each with 'metric'", (entry) => isText(entry.metric)),
  metadata: object,
};

const AGGREGATE: Readonly<Record<string, Check>> = {
  metric: text,
  aggregation: { wanted: "'mean'", holds: (value) => value === 'mean' },
  weight_by_size: flag,
  filter_list: textOrList,
};

/** Keys of the harness that this library does not have, and why. */
const NOT_SUPPORTED: Readonly<Record<string, string>> = {
  class: 'tasks that are classes of Python cannot be run here',
  custom_dataset: 'data sets that are functions of Python cannot be run here',
  use_prompt: 'prompts of promptsource are not supported; write the template into doc_to_text',
  doc_to_image: 'tasks with images are not supported',
  doc_to_audio: 'tasks with sounds are not supported',
  fewshot_indices: 'the harness does not use it either',
  task_list: 'lists of tasks in one file are not supported; write a file for each',
};

type Keys = Readonly<Record<string, unknown>>;

/** Values that are null count as absent. Throws UsageError that names the file, the key, what came and what was wanted. */
export function checkTask(keys: Keys, file: string): TaskConfig {
  const config = checked(withOwnTexts(keys), TASK, file, 'the task') as unknown as TaskConfig & {
    readonly output_type?: unknown;
  };
  const { fewshot_config: few, generation_kwargs: generation } = config;
  const fewshot = few && { fewshot_config: checked(few as Keys, FEW_SHOT, file, 'fewshot_config') };
  const output = config.output_type ?? 'generate_until';
  for (const key of output === 'loglikelihood_rolling'
    ? (['doc_to_target'] as const)
    : (['doc_to_text', 'doc_to_target'] as const))
    if (config[key] === undefined)
      throw new UsageError(`${file} has no '${key}', which the task ${config.task} needs.`);
  if ((output === 'multiple_choice' || output === 'sense_similarity') && config.doc_to_choice === undefined)
    throw new UsageError(
      `${file} has no 'doc_to_choice', which the task ${config.task} needs as its output_type is ${output}.`,
    );
  if (config.test_split === undefined && config.validation_split === undefined)
    throw new UsageError(
      `${file} has neither 'test_split' nor 'validation_split': the task ${config.task} has no documents.`,
    );
  if (config.dataset_path === undefined)
    throw new UsageError(
      `${file} has no 'dataset_path': wanted a data set of the hub, or json, csv, parquet or arrow with dataset_kwargs.data_files.`,
    );
  const temperature = generation && 'temperature' in generation ? { temperature: Number(generation.temperature) } : {};
  return {
    ...config,
    output_type: output,
    ...(fewshot as object),
    ...(generation && { generation_kwargs: { ...generation, ...temperature } }),
  };
}

/** Tasks about senses ask no questions; those about biases read the columns word, prompts, fitPrompts and pair. */
function withOwnTexts(keys: Keys): Keys {
  if (keys.output_type === 'sense_similarity') return { doc_to_text: '', ...keys };
  return keys.output_type === 'sense_bias' ? { doc_to_text: '{{word}}', doc_to_target: '', ...keys } : keys;
}

export function checkGroup(keys: Keys, file: string): GroupConfig {
  const own = Object.fromEntries(Object.entries(keys).filter(([key]) => Object.hasOwn(GROUP, key)));
  const overrides = Object.fromEntries(Object.entries(keys).filter(([key]) => !Object.hasOwn(GROUP, key)));
  for (const key of Object.keys(overrides))
    if (!Object.hasOwn(TASK, key)) throw unknownKey(key, Object.keys({ ...GROUP, ...TASK }), file, 'the group');
  const list = (value: unknown): unknown => (isText(value) || isObject(value) ? [value] : value);
  const normal = {
    ...own,
    task: list(own.task ?? []),
    ...(own.aggregate_metric_list !== undefined &&
      own.aggregate_metric_list !== null && { aggregate_metric_list: list(own.aggregate_metric_list) }),
  };
  const config = checked(normal, GROUP, file, 'the group') as unknown as GroupConfig;
  for (const metric of config.aggregate_metric_list ?? [])
    checked(metric as unknown as Keys, AGGREGATE, file, 'aggregate_metric_list');
  return { ...config, ...(Object.keys(overrides).length > 0 && { overrides }) };
}

function checked(
  keys: Keys,
  checks: Readonly<Record<string, Check>>,
  file: string,
  who: string,
): Record<string, unknown> {
  const given = Object.entries(keys).filter(([, value]) => value !== null && value !== undefined);
  for (const [key, value] of given) {
    const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
    if (!check) throw unknownKey(key, Object.keys(checks), file, who);
    if (!check.holds(value))
      throw new UsageError(`${file}: '${key}' of ${who} came as ${quote(value)}, wanted ${check.wanted}.`);
  }
  return Object.fromEntries(given);
}

function unknownKey(key: string, known: readonly string[], file: string, who: string): UsageError {
  const reason = Object.hasOwn(NOT_SUPPORTED, key) ? NOT_SUPPORTED[key] : undefined;
  if (reason !== undefined) return new UsageError(`${file}: '${key}' of ${who} is not supported: ${reason}.`);
  const meant = nearest(key, known);
  const hint = meant === undefined ? '' : `; did you mean '${meant}'?`;
  return new UsageError(
    `${file}: ${who} has the unknown key '${key}'${hint || '.'} Known keys are ${known.join(', ')}.`,
  );
}
