/** A task's configuration as the file of results has it: all keys that have a value, in the order of the harness. */
import { generationConfigOf } from '../tasks/generation.ts';
import type { Task } from '../tasks/task.ts';
import { WholeFloat } from '../tasks/whole-float.ts';

export function dumpedConfig({ config, name, data }: Task): Record<string, unknown> {
  const few = config.fewshot_config ?? {};
  const dumped = {
    task: name,
    task_alias: config.task_alias,
    dataset_path: config.dataset_path,
    dataset_name: config.dataset_name,
    dataset_kwargs: config.dataset_kwargs,
    training_split: config.training_split,
    validation_split: config.validation_split,
    test_split: config.test_split,
    fewshot_split: config.fewshot_split,
    process_docs: config.process_docs,
    doc_to_text: config.doc_to_text,
    doc_to_target: config.doc_to_target,
    unsafe_code: false,
    doc_to_choice: config.doc_to_choice,
    process_results: config.process_results,
    description: config.description ?? '',
    target_delimiter: config.target_delimiter ?? ' ',
    fewshot_delimiter: config.fewshot_delimiter ?? '\n\n',
    fewshot_config: {
      sampler: few.sampler ?? 'default',
      split: few.split ?? config.fewshot_split ?? null,
      process_docs: few.process_docs ?? config.process_docs ?? null,
      fewshot_indices: null,
      samples: few.samples ?? null,
      doc_to_text: few.doc_to_text ?? config.doc_to_text ?? null,
      doc_to_choice: few.doc_to_choice ?? config.doc_to_choice ?? null,
      doc_to_target: few.doc_to_target ?? config.doc_to_target ?? null,
      gen_prefix: few.gen_prefix ?? config.gen_prefix ?? null,
      fewshot_delimiter: few.fewshot_delimiter ?? config.fewshot_delimiter ?? '\n\n',
      target_delimiter: few.target_delimiter ?? config.target_delimiter ?? ' ',
    },
    num_fewshot: config.num_fewshot ?? 0,
    metric_list: config.metric_list,
    output_type: config.output_type,
    generation_kwargs: config.output_type === 'generate_until' ? generationConfigOf(config) : undefined,
    repeats: config.repeats ?? 1,
    filter_list: config.filter_list,
    should_decontaminate: config.should_decontaminate ?? false,
    doc_to_decontamination_query: config.doc_to_decontamination_query,
    gen_prefix: config.gen_prefix,
    metadata: {
      ...config.metadata,
      data_source: data.source,
      ...(data.licence !== undefined && { data_licence: data.licence }),
    },
  };
  return Object.fromEntries(
    Object.entries(dumped).flatMap(([key, value]) => (value === undefined ? [] : [[key, namesOfFunctions(value)]])),
  );
}

/** Functions stand as the names that task files have for them. */
function namesOfFunctions(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof WholeFloat) return value;
  const keys = Object.keys(value);
  if (keys.length === 1 && keys[0] === 'function') return `!function ${(value as { function: string }).function}`;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, namesOfFunctions(inner)]));
}
