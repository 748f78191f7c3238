/** Tasks over the samples that ship with the package (folder samples/): they need no download. */
import { mmlu } from './mmlu.ts';
import { type Keys, SINGLE } from './single.ts';

const SUBJECTS = ['astronomy', 'high_school_geography', 'marketing'];

const built = (name: string): Keys => [...SINGLE, ...mmlu(2)].find(({ task }) => task === name) ?? {};

/** A built-in task with other data, which its tag and alias do not fit. */
function sampled(name: string, files: Readonly<Record<string, string>>, license: string, keys: Keys = {}): Keys {
  const { tag: _, dataset_name: __, ...task } = built(name);
  const data_files = Object.fromEntries(
    Object.entries(files).map(([split, file]) => [split, `portmanteau:${file}.jsonl`]),
  );
  return { ...task, task: `sample_${name}`, dataset_path: 'json', dataset_kwargs: { data_files, license }, ...keys };
}

export const SAMPLES: readonly Keys[] = [
  sampled('hellaswag', { validation: 'hellaswag', train: 'hellaswag_examples' }, 'MIT', { fewshot_split: 'train' }),
  sampled('winogrande', { validation: 'winogrande', train: 'winogrande_examples' }, 'CC-BY', {
    fewshot_split: 'train',
  }),
  sampled('lambada_openai', { test: 'lambada' }, 'MIT, CC-BY 4.0'),
  ...SUBJECTS.map((subject) =>
    sampled(`mmlu_${subject}`, { test: `mmlu_${subject}`, dev: `mmlu_${subject}_dev` }, 'MIT', { num_fewshot: 5 }),
  ),
  {
    group: 'sample_mmlu',
    task: SUBJECTS.map((subject) => `sample_mmlu_${subject}`),
    aggregate_metric_list: [{ metric: 'acc', weight_by_size: true }],
    metadata: { version: 2 },
  },
  {
    group: 'samples',
    task: ['sample_hellaswag', 'sample_winogrande', 'sample_lambada_openai', 'sample_mmlu'],
    metadata: { version: 1 },
  },
];
