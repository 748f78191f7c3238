/** MMLU (arXiv 2009.03300): 57 subjects in four groups. */
import type { Keys } from './single.ts';

const SUBJECTS: Readonly<Record<string, readonly string[]>> = {
  stem: [
    'abstract_algebra',
    'anatomy',
    'astronomy',
    'college_biology',
    'college_chemistry',
    'college_computer_science',
    'college_mathematics',
    'college_physics',
    'computer_security',
    'conceptual_physics',
    'electrical_engineering',
    'elementary_mathematics',
    'high_school_biology',
    'high_school_chemistry',
    'high_school_computer_science',
    'high_school_mathematics',
    'high_school_physics',
    'high_school_statistics',
    'machine_learning',
  ],
  other: [
    'business_ethics',
    'clinical_knowledge',
    'college_medicine',
    'global_facts',
    'human_aging',
    'management',
    'marketing',
    'medical_genetics',
    'miscellaneous',
    'nutrition',
    'professional_accounting',
    'professional_medicine',
    'virology',
  ],
  social_sciences: [
    'econometrics',
    'high_school_geography',
    'high_school_government_and_politics',
    'high_school_macroeconomics',
    'high_school_microeconomics',
    'high_school_psychology',
    'human_sexuality',
    'professional_psychology',
    'public_relations',
    'security_studies',
    'sociology',
    'us_foreign_policy',
  ],
  humanities: [
    'formal_logic',
    'high_school_european_history',
    'high_school_us_history',
    'high_school_world_history',
    'international_law',
    'jurisprudence',
    'logical_fallacies',
    'moral_disputes',
    'moral_scenarios',
    'philosophy',
    'prehistory',
    'professional_law',
    'world_religions',
  ],
};

const ACCURACY = { aggregate_metric_list: [{ metric: 'acc', weight_by_size: true }], metadata: { version: 2 } };

/** `newlines`: line ends after the description. */
export function mmlu(newlines: 1 | 2): Keys[] {
  const areas = Object.entries(SUBJECTS);
  return [
    ...areas.flatMap(([area, subjects]) => subjects.map((subject) => subjectTask(area, subject, newlines))),
    ...areas.map(([area]) => ({
      group: `mmlu_${area}`,
      group_alias: area.replaceAll('_', ' '),
      task: [`mmlu_${area}_tasks`],
      ...ACCURACY,
    })),
    { group: 'mmlu', task: areas.map(([area]) => `mmlu_${area}`), ...ACCURACY },
  ];
}

function subjectTask(area: string, subject: string, newlines: 1 | 2): Keys {
  const about = subject.replaceAll('_', ' ');
  return {
    task: `mmlu_${subject}`,
    task_alias: subject,
    tag: `mmlu_${area}_tasks`,
    dataset_path: 'cais/mmlu',
    dataset_name: subject,
    test_split: 'test',
    fewshot_split: 'dev',
    fewshot_config: { sampler: 'first_n' },
    description: `The following are multiple choice questions (with answers) about ${about}.${'\n'.repeat(newlines)}`,
    doc_to_text:
      '{{question.strip()}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}\nAnswer:',
    doc_to_choice: ['A', 'B', 'C', 'D'],
    doc_to_target: 'answer',
    output_type: 'multiple_choice',
    metric_list: [{ metric: 'acc', aggregation: 'mean', higher_is_better: true }],
    metadata: { version: 1 },
  };
}
