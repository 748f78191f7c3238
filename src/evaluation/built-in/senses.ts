/** Tasks about the senses of words (arXiv 2305.16765, tables 4 and 5). The files of word pairs are the published ones, in the current folder. */
import type { Keys } from './single.ts';

const FILES = [
  ['simlex999', 'SimLex-999.txt'],
  ['simverb3500', 'SimVerb-3500.txt'],
  ['rg65', 'RG65.csv'],
  ['ws353', 'WS353.csv'],
] as const;

export const SENSES: readonly Keys[] = [
  ...FILES.map(([task, file]) => ({
    task,
    dataset_path: 'word_pairs',
    dataset_kwargs: { data_files: { test: file } },
    test_split: 'test',
    output_type: 'sense_similarity',
    doc_to_choice: '{{[word1, word2]}}',
    doc_to_target: 'score',
    metadata: { version: 1 },
  })),
  { group: 'word_similarity', task: FILES.map(([task]) => task) },
  {
    task: 'gender_bias',
    dataset_path: 'portmanteau:occupations',
    test_split: 'test',
    output_type: 'sense_bias',
    metadata: { version: 1 },
  },
];
