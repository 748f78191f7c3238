/** The presets of `eval --preset`. */
import { UsageError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import { type EvaluationPreset, type PublishedNumber, percent } from './preset.ts';

const LEADERBOARD = [
  ['arc_challenge', 'acc_norm'],
  ['gsm8k', 'exact_match,strict-match'],
  ['hellaswag', 'acc_norm'],
  ['mmlu', 'acc'],
  ['truthfulqa_mc2', 'acc'],
  ['winogrande', 'acc'],
] as const;

const WORD_PAIRS = ['simlex999', 'simverb3500', 'rg65', 'ws353'];

/** Correlations of table 4, in the order of its columns. */
function spearman(values: readonly number[], by: string): PublishedNumber[] {
  return WORD_PAIRS.map((task, i) => ({ task, metric: `spearman_${by},none`, value: values[i] as number }));
}

export const presets: readonly EvaluationPreset[] = [
  {
    name: 'mamba-7b-rw',
    tasks: [
      ...['hellaswag', 'piqa', 'winogrande', 'arc_easy', 'arc_challenge'].map((task) => ({ task, num_fewshot: 0 })),
      { task: 'mmlu', num_fewshot: 5 },
    ],
    mmluDescriptionNewlines: 1,
    published: [
      {
        checkpoint: 'TRI-ML/mamba-7b-rw',
        numbers: percent(
          [
            ['hellaswag', 'acc_norm'],
            ['piqa', 'acc_norm'],
            ['winogrande', 'acc'],
            ['arc_easy', 'acc'],
            ['arc_challenge', 'acc_norm'],
            ['mmlu', 'acc'],
          ],
          [77.9, 81.0, 71.8, 77.5, 46.7, 33.3],
        ),
      },
    ],
    source: 'model card of TRI-ML/mamba-7b-rw; metrics as in arXiv 2405.06640',
    notes: ['The version of the harness is not published; its dates point to 0.4.1 or 0.4.2.'],
  },
  {
    name: 'llama3-8b-1.58',
    tasks: [
      ...['arc_challenge', 'arc_easy', 'openbookqa', 'boolq', 'hellaswag', 'piqa', 'winogrande'].map((task) => ({
        task,
        num_fewshot: 0,
      })),
      { task: 'mmlu', num_fewshot: 5 },
    ],
    mmluDescriptionNewlines: 2,
    published: [
      {
        checkpoint: 'HF1BitLLM/Llama3-8B-1.58-100B-tokens',
        numbers: percent(
          [
            ['arc_challenge', 'acc_norm'],
            ['arc_easy', 'acc_norm'],
            ['openbookqa', 'acc_norm'],
            ['boolq', 'acc'],
            ['hellaswag', 'acc_norm'],
            ['piqa', 'acc_norm'],
            ['winogrande', 'acc'],
            ['mmlu', 'acc'],
          ],
          [43.69, 70.71, 37.2, 68.38, 68.56, 75.3, 60.93, 35.04],
        ),
      },
    ],
    source: 'arXiv 2504.12285, the table of other 1-bit models; the card has its numbers as images only',
    notes: ['Numbers of examples are as remembered from the paper; ARC-Challenge, MMLU and the average were checked.'],
  },
  {
    name: 'granite-3.1',
    tasks: [{ task: 'openllm' }],
    mmluDescriptionNewlines: 2,
    published: [
      { checkpoint: 'granite-3.1-8b-base', numbers: percent(LEADERBOARD, [64.68, 60.88, 83.52, 63.33, 51.33, 80.9]) },
      { checkpoint: 'granite-3.1-2b-base', numbers: percent(LEADERBOARD, [53.75, 47.84, 77.94, 52.88, 39.04, 74.43]) },
    ],
    source: "Neural Magic's cards of quantised versions, which measured these bases; IBM's cards have no numbers",
    notes: ['Measured with vLLM and a begin-of-text before each prompt, which these tokenizers do not add.'],
  },
  {
    name: 'backpack-gpt2',
    tasks: ['lambada_openai', 'wikitext', 'blimp', 'gender_bias'].map((task) => ({ task, num_fewshot: 0 })),
    mmluDescriptionNewlines: 2,
    published: [
      {
        checkpoint: 'stanfordnlp/backpack-gpt2',
        numbers: [
          { task: 'lambada_openai', metric: 'perplexity,none', value: 26.5 },
          { task: 'lambada_openai', metric: 'acc,none', value: 0.375 },
          { task: 'wikitext', metric: 'word_perplexity,none', value: 40.9 },
          { task: 'blimp', metric: 'acc,none', value: 0.763 },
          { task: 'gender_bias', metric: 'bias_ratio,none', value: 4.34 },
          { task: 'gender_bias', metric: 'bias_ratio_removed,none', value: 2.88 },
          { task: 'gender_bias', metric: 'bias_ratio_fitted,none', value: 2.16 },
          ...spearman([0.522, 0.471, 0.754, 0.749], 'sense_12'),
          ...spearman([0.5, 0.502, 0.591, 0.655], 'sense_14'),
          ...spearman([0.54, 0.471, 0.653, 0.607], 'min'),
        ],
      },
    ],
    source: 'arXiv 2305.16765, tables 2, 4 and 5: Backpack-Small after 100,000 steps',
    notes: [
      'The authors used an early version of the harness, and read at most 512 tokens at a time.',
      'The correlations are evaluated by --tasks word_similarity beside, which needs SimLex-999.txt and its like in the current folder.',
    ],
  },
];

/** Throws UsageError when there is none of this name. */
export function presetNamed(name: string): EvaluationPreset {
  const found = presets.find((preset) => preset.name === name);
  if (found) return found;
  const names = presets.map((preset) => preset.name);
  const meant = nearest(name, names);
  throw new UsageError(
    `there is no preset '${name}'${meant ? `; did you mean '${meant}'?` : '.'} The presets are ${names.join(', ')}.`,
  );
}
